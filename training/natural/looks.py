"""The commands of the network of looks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from training.common.shipped import NATURAL
from training.natural.options import (
    LOOKS,
    LOOKS_WORDS,
    Device,
    DrawingFolders,
    Folder,
    Minutes,
    PaintingFolders,
    Photos,
    Small,
    Steps,
    Threads,
    app,
    tell_size,
)


@app.command()
def looks(
    photos: Photos,
    drawings: DrawingFolders = None,
    paintings: PaintingFolders = None,
    folder: Folder = Path("runs"),
    minutes: Minutes = 100,
    steps: Steps = 1500,
    threads: Threads = 1,
    seed: Annotated[int, typer.Option(help="of pictures, batches and movements")] = 41,
    device: Device = "cpu",
    small: Small = False,
) -> None:
    """Train the network of styles and lights; repeat to continue."""
    from dataclasses import replace

    import torch

    from training.common.stage import resume, run_stage, steps_done
    from training.looks.trainer import LooksTrainer, LooksTraining
    from training.pictures.pool import Sources

    torch.set_num_threads(threads)
    settings = LooksTraining(total=steps, seed=seed)
    if small:
        settings = replace(settings, batch=4, sides=(48,), pool=8, pool_side=64)
    sources = Sources.load(photos, drawings or (), paintings or ())
    trainer = LooksTrainer(settings, sources, device, workers=threads)
    if steps_done(LOOKS, folder):
        resume(trainer, LOOKS, folder)
    run_stage(trainer, LOOKS, folder, minutes=minutes, steps=steps, save_every=300)


@app.command()
def export_looks(
    folder: Folder = Path("runs"),
    into: Annotated[Path, typer.Option(help="the file to write")] = NATURAL / "looks.pt",
    perceptor: Annotated[
        Path, typer.Option(exists=True, dir_okay=False, help="whose text tower reads the words")
    ] = NATURAL / "perceptor.pt",
    minutes: Minutes = 100,
    steps: Annotated[int, typer.Option(min=1, help="of the part that reads words")] = 2400,
    seed: Annotated[int, typer.Option(help="of the texts")] = 43,
    device: Device = "cpu",
) -> None:
    """Train the part that reads words, on the text tower, and write the file of looks.

    Repeat to continue; with another text tower that part is begun from nothing.
    """
    import torch

    from training.common.stage import resume, run_stage
    from training.looks.export import export, load_reading
    from training.looks.reading import WordsTrainer, is_of, share_right

    torch.set_num_threads(1)
    tower, tokenizer = load_reading(perceptor)
    trainer = WordsTrainer(tower, tokenizer, steps=steps, seed=seed, device=device)
    kept = folder / f"{LOOKS_WORDS}.pt"
    if kept.exists() and is_of(kept, tower):
        resume(trainer, LOOKS_WORDS, folder)
    run_stage(trainer, LOOKS_WORDS, folder, minutes=minutes, steps=steps, save_every=300)
    export(folder / f"{LOOKS}.pt", trainer.head, into)
    for name, held_out in (("known wordings", False), ("other ones", True)):
        typer.echo(f"{name}: {share_right(trainer, held_out=held_out):.1%} right")
    tell_size(into)
