"""``python -m training.generator``: train the `natural` generator, export it, look at it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, no_args_is_help=True)

STEPS = 3300
NAME = "natural"

Folder = Annotated[Path, typer.Option(help="where the state and the log are kept")]
Photos = Annotated[list[Path], typer.Option(
    "--photos", exists=True, file_okay=False,
    help="a folder of photographs; can be repeated. Validation takes coffee, chelsea and china")]


@app.command()
def train(photos: Photos,
          drawings: Annotated[list[Path] | None, typer.Option(
              exists=True, file_okay=False,
              help="a folder with Iconify's icons.json, or of RGBA pictures; can be repeated")
          ] = None,
          paintings: Annotated[list[Path] | None, typer.Option(
              exists=True, file_okay=False, help="a folder of paintings; can be repeated")] = None,
          packages: Annotated[Path | None, typer.Option(
              exists=True, file_okay=False,
              help="where the EfficientNet packages were unzipped, unless installed")] = None,
          folder: Folder = Path("runs"),
          minutes: Annotated[float, typer.Option(help="stop after this long; resume later")] = 100,
          steps: Annotated[int, typer.Option(
              min=1, help="where the learning rate comes to its end")] = STEPS,
          threads: Annotated[int, typer.Option(min=1, help="processor cores to use")] = 1,
          seed: Annotated[int, typer.Option(help="of pictures, batches and new weights")] = 21,
          ) -> None:
    """Train, in stages that resume: repeat the command until all steps are done."""
    import torch

    from training.common.stage import begun, resume, run_stage
    from training.generator.architecture import shipped_weights
    from training.generator.features import load_features
    from training.generator.natural import NaturalTrainer, NaturalTraining
    from training.pictures.photographs import load_held_out
    from training.pictures.pool import Sources

    if packages is not None:
        sys.path.append(str(packages))
    torch.set_num_threads(threads)
    sources = Sources.load(photos, drawings or (), paintings or ())
    typer.echo(f"{len(sources.photographs)} photographs, {len(sources.drawings)} drawings, "
               f"{len(sources.paintings)} paintings")
    trainer = NaturalTrainer(NaturalTraining(total=steps, seed=seed), sources, shipped_weights(),
                             load_features(), load_held_out(photos))
    if begun(NAME, folder):
        resume(trainer, NAME, folder)
    typer.echo(f"held-out L1: {trainer.validate()}")
    run_stage(trainer, NAME, folder, minutes=minutes, steps=steps, save_every=300)
    typer.echo(f"held-out L1: {trainer.validate()}")


@app.command()
def export(folder: Folder = Path("runs"), into: Annotated[Path, typer.Option(
        help="the checkpoint to write; its yaml goes next to it")] = Path("natural.ckpt")) -> None:
    """Write the checkpoint from the state in the folder."""
    from training.generator.export import export_state

    path = export_state(folder / f"{NAME}.pt", into)
    typer.echo(f"{path}  {path.stat().st_size / 1e6:.2f} MB")


@app.command()
def look(photos: Photos,
         checkpoint: Annotated[Path, typer.Argument(exists=True, help="with its yaml next to it")],
         into: Annotated[Path, typer.Argument(help="the picture to write")],
         seed: Annotated[int, typer.Option(help="of the latents")] = 3) -> None:
    """Write a sheet of reconstructions and of pictures of random latents."""
    from engine.models.checkpoints import read_tensors
    from engine.models.generators.taming import build_generator, read_config
    from training.generator.sheet import look as sheet
    from training.pictures.photographs import load_held_out

    generator = build_generator(read_tensors(checkpoint),
                                read_config(checkpoint.with_suffix(".yaml")))
    sheet(generator, load_held_out(photos), seed).save(into)


if __name__ == "__main__":
    app()
