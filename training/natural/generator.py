"""The commands of the VQGAN."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from training.common.shipped import DRAWN, NATURAL
from training.natural.options import (
    GENERATOR,
    Classifier,
    Device,
    DrawingFolders,
    Folder,
    PaintingFolders,
    Photos,
    Small,
    Steps,
    Threads,
    app,
    tell_size,
)


@app.command()
def generator(
    photos: Photos,
    drawings: DrawingFolders = None,
    paintings: PaintingFolders = None,
    classifier: Classifier = None,
    folder: Folder = Path("runs"),
    minutes: Annotated[float, typer.Option(help="stop after this long; resume later")] = 100,
    steps: Steps = 3300,
    threads: Threads = 1,
    seed: Annotated[int, typer.Option(help="of pictures, batches and new weights")] = 21,
    device: Device = "cpu",
    small: Small = False,
) -> None:
    """Train the VQGAN, starting from the drawn one; repeat to continue."""
    from dataclasses import replace

    import torch

    from training.common.stage import resume, run_stage, steps_done
    from training.generator.export import read_exported
    from training.generator.features import Features
    from training.generator.natural import NaturalGeneratorTrainer, NaturalGeneratorTraining
    from training.perceptor.classifier import load_classifier
    from training.pictures.photographs import load_held_out
    from training.pictures.pool import Sources

    torch.set_num_threads(threads)
    sources = Sources.load(photos, drawings or (), paintings or ())
    typer.echo(
        f"{len(sources.photographs)} photographs, {len(sources.drawings)} drawings, "
        f"{len(sources.paintings)} paintings"
    )
    settings = NaturalGeneratorTraining(total=steps, seed=seed)
    if small:
        settings = replace(settings, batch=2, side=48, pool=8, pool_side=56)
    trainer = NaturalGeneratorTrainer(
        settings,
        sources,
        read_exported(DRAWN).model.state_dict(),
        Features(load_classifier(classifier)).to(device),
        load_held_out(photos),
        torch.device(device),
    )
    if steps_done(GENERATOR, folder):
        resume(trainer, GENERATOR, folder)
    typer.echo(f"held-out L1: {trainer.validate()}")
    run_stage(trainer, GENERATOR, folder, minutes=minutes, steps=steps, save_every=300)
    typer.echo(f"held-out L1: {trainer.validate()}")


@app.command()
def export_generator(
    folder: Folder = Path("runs"),
    into: Annotated[
        Path, typer.Option(help="the checkpoint to write; its yaml goes next to it")
    ] = NATURAL / "generator.ckpt",
) -> None:
    """Write the VQGAN's checkpoint from the state in the folder."""
    from training.generator.export import export_state

    tell_size(export_state(folder / f"{GENERATOR}.pt", into, unit_codes=True))


@app.command()
def show_generator(
    photos: Photos,
    into: Annotated[Path, typer.Argument(help="the picture to write")],
    exported: Annotated[
        Path,
        typer.Argument(
            exists=True, file_okay=False, help="the folder of generator.ckpt and generator.yaml"
        ),
    ] = NATURAL,
    seed: Annotated[int, typer.Option(help="of the latents")] = 3,
) -> None:
    """Write a sheet of reconstructions and of pictures of random latents."""
    from training.generator.export import read_exported
    from training.generator.sheet import sheet
    from training.pictures.photographs import load_held_out

    sheet(read_exported(exported), load_held_out(photos), seed).save(into)
