"""The commands of the picture tower."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from training.common.shipped import NATURAL
from training.natural.options import (
    ROBUST,
    Classifier,
    Device,
    DrawingFolders,
    Folder,
    Minutes,
    Photos,
    Small,
    Steps,
    Threads,
    app,
    tell_size,
)


@app.command()
def perceptor(
    tower: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="the tower.pt that `words` wrote")
    ],
    into: Annotated[Path, typer.Option(help="the file to write")] = NATURAL / "perceptor.pt",
    classifier: Classifier = None,
) -> None:
    """Join the classifier and a text tower in one file."""
    from training.perceptor.classifier import load_classifier
    from training.perceptor.export import export_natural

    tell_size(export_natural(tower, load_classifier(classifier), into))


@app.command()
def robust(
    photos: Photos,
    drawings: DrawingFolders = None,
    classifier: Classifier = None,
    folder: Folder = Path("runs"),
    minutes: Minutes = 100,
    steps: Steps = 1500,
    threads: Threads = 1,
    seed: Annotated[int, typer.Option(help="of pictures, batches and movements")] = 31,
    device: Device = "cpu",
    small: Small = False,
) -> None:
    """Train the picture tower on pictures moved against it; repeat to continue."""
    from dataclasses import replace

    import torch

    from training.common.stage import resume, run_stage, steps_done
    from training.perceptor.classifier import load_classifier
    from training.perceptor.robust import RobustTrainer, RobustTraining
    from training.pictures.pool import Sources

    torch.set_num_threads(threads)
    settings = RobustTraining(total=steps, seed=seed)
    if small:
        settings = replace(settings, real=2, painted=2, sides=(64,), pool=8, pool_side=72)
    trainer = RobustTrainer(
        settings,
        load_classifier(classifier),
        Sources.load(photos, drawings or (), weights=settings.weights),
        device,
    )
    if steps_done(ROBUST, folder):
        resume(trainer, ROBUST, folder)
    run_stage(trainer, ROBUST, folder, minutes=minutes, steps=steps, save_every=300)


@app.command()
def export_robust(
    folder: Folder = Path("runs"),
    into: Annotated[Path, typer.Option(help="the perceptor's file, whose words stay")] = NATURAL
    / "perceptor.pt",
) -> None:
    """Write the picture tower that `robust` trained into the perceptor's file."""
    from training.perceptor.export import replace_pictures

    tell_size(replace_pictures(folder / f"{ROBUST}.pt", into))
