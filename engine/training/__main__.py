"""``python -m engine.training perceptor|generator|export|drawings``: the embedded models anew."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import torch
import typer

from engine.training.stage import run_stage
from engine.training.things import Drawings, DrawingsError

app = typer.Typer(help="Train the embedded models, in stages that resume.",
                  no_args_is_help=True, add_completion=False)

Folder = Annotated[Path, typer.Option(help="where states and curves are kept")]
Minutes = Annotated[float, typer.Option(help="stop after this long; resume later")]
Resume = Annotated[bool, typer.Option(help="go on from the state in the folder, if any")]
Shipped = Annotated[bool, typer.Option(
    "--from-shipped", help="start from the package's weights, where the folder has no state")]


def _with_drawings(folder: Path | None) -> Path | None:
    """``folder``, if it can serve; better now than in each of the processes."""
    try:
        if folder is not None:
            Drawings(folder)
    except DrawingsError as error:
        raise typer.BadParameter(str(error)) from error
    return folder


FolderOfDrawings = Annotated[Path | None, typer.Option(
    "--drawings", callback=_with_drawings,
    help="a folder of drawings: with it the whole world, without it shapes alone")]
Threads = Annotated[int, typer.Option(help="processor cores to use")]


@app.command()
def perceptor(folder: Folder = Path("runs"), minutes: Minutes = 100, steps: int = 4000,
              resume: Resume = True, threads: Threads = 1,
              processes: Annotated[int, typer.Option(
                  help="train in so many processes, a core each", min=1, max=64)] = 1,
              rehearse: Annotated[bool, typer.Option(
                  help="on paintings by the folder's generator, or the shipped one")] = False,
              shipped: Shipped = False, drawings: FolderOfDrawings = None) -> None:
    """Train the CLIP whose gradients draw."""
    from engine.training.perceptor_run import Stage, train_perceptor
    from engine.training.together import train_together

    stage = Stage(folder, minutes, steps, resume, threads, rehearse, shipped, drawings)
    train_together(processes, partial(train_perceptor, stage))


@app.command()
def generator(folder: Folder = Path("runs"), minutes: Minutes = 100, steps: int = 3500,
              resume: Resume = True, threads: Threads = 1, shipped: Shipped = False,
              drawings: FolderOfDrawings = None) -> None:
    """Train the VQGAN that paints."""
    from engine.training.generator import GeneratorTrainer, GeneratorTraining
    from engine.training.pool import open_pool
    from engine.training.shipped import start_from_shipped
    from engine.training.world import SHAPES_ALONE, WHOLE

    torch.set_num_threads(threads)
    settings = GeneratorTraining(total=steps)
    pool = open_pool(settings.pool_pairs, settings.seed, SHAPES_ALONE, WHOLE, drawings)
    trainer = GeneratorTrainer(settings, pool)
    if shipped:
        start_from_shipped(trainer)
    run_stage(trainer, "generator", folder, minutes=minutes, steps=steps, resume=resume)


@app.command()
def drawings(noto: Annotated[Path, typer.Argument(help="Noto Emoji's folder png/128")],
             emojilib: Annotated[Path, typer.Argument(help="emojilib's emoji-en-US.json")],
             into: Annotated[Path, typer.Argument(help="the folder to make")]) -> None:
    """Make a folder of drawings that --drawings takes."""
    from engine.training.gathering import gather

    try:
        typer.echo(f"{gather(noto, emojilib, into)} drawings in {into}")
    except DrawingsError as error:
        raise typer.BadParameter(str(error)) from error


@app.command()
def export(folder: Folder = Path("runs"), into: Annotated[Path | None, typer.Option(
        help="where to write; without it, where the package has them")] = None) -> None:
    """Write the shipped files from the states in the folder."""
    from engine.training.export import SHIPPED, export_generator, export_perceptor

    for path in (export_generator(folder, into or SHIPPED),
                 export_perceptor(folder, into or SHIPPED)):
        typer.echo(f"{path}  {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    app()
