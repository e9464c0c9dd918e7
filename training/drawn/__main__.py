"""``python -m training.drawn``: make the `drawn` models again, all of them or a part."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from training.common.stage import Stage
from training.world.things import Drawings, DrawingsError

app = typer.Typer(add_completion=False)

# So many (generator, words).
SHAPES_STEPS, WHOLE_STEPS = (3500, 2000), (7000, 8000)

Folder = Annotated[Path, typer.Option(help="where states and curves are kept")]
Minutes = Annotated[float, typer.Option(help="stop after this long; resume later")]
Resume = Annotated[bool, typer.Option(help="go on from the state in the folder, if any")]
BeginWith = Annotated[Path | None, typer.Option(
    exists=True, file_okay=False,
    help="a folder of exported models to begin with, where the run's own has no state")]


def steps_in(drawings: Path | None) -> tuple[int, int]:
    """The generator's and the words' steps in the world that ``drawings`` make."""
    return SHAPES_STEPS if drawings is None else WHOLE_STEPS


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
Steps = Annotated[int | None, typer.Option(
    min=1, help="where the learning rate comes to its end; without it, the world's own")]
Threads = Annotated[int, typer.Option(help="processor cores to use")]
Processes = Annotated[int, typer.Option(
    help="train in so many processes, a core each", min=1, max=64)]


@app.callback(invoke_without_command=True)
def both(context: typer.Context, folder: Folder = Path("runs"), minutes: Minutes = 100,
         resume: Resume = True, processes: Processes = 1, begin_with: BeginWith = None,
         drawings: FolderOfDrawings = None) -> None:
    """Train the embedded models, in stages that resume: the generator, then the perceptor's words.

    Say it again, as often as needed, until both have all their steps; export then writes the files
    that ship. The commands are the parts, with their own options; with a folder of exported models
    both begin with those.
    """
    if context.invoked_subcommand is not None:
        return
    began = time.monotonic()
    generator_steps, words_steps = steps_in(drawings)
    # The generator trains in one process: it has as many threads.
    train_generator(Stage(folder, minutes, generator_steps, resume, threads=processes,
                          begin_with=begin_with, drawings=drawings))
    left = minutes - (time.monotonic() - began) / 60
    if left > 0:
        train_words(Stage(folder, left, words_steps, resume, threads=1, begin_with=begin_with,
                          drawings=drawings), processes)


@app.command()
def words(folder: Folder = Path("runs"), minutes: Minutes = 100, steps: Steps = None,
          resume: Resume = True, threads: Threads = 1, processes: Processes = 1,
          begin_with: BeginWith = None, drawings: FolderOfDrawings = None) -> None:
    """Train what captions mean: the CLIP's words, its pictures' part being a projection."""
    steps = steps or steps_in(drawings)[1]
    train_words(Stage(folder, minutes, steps, resume, threads, begin_with, drawings), processes)


def train_words(stage: Stage, processes: int) -> None:
    """The words' stage, in so many processes."""
    from training.common.data_parallel import train_together
    from training.drawn import words_run

    train_together(processes, partial(words_run.train_words, stage))


@app.command()
def generator(folder: Folder = Path("runs"), minutes: Minutes = 100, steps: Steps = None,
              resume: Resume = True, threads: Threads = 1, begin_with: BeginWith = None,
              drawings: FolderOfDrawings = None) -> None:
    """Train the VQGAN that paints."""
    steps = steps or steps_in(drawings)[0]
    train_generator(Stage(folder, minutes, steps, resume, threads, begin_with, drawings))


def train_generator(stage: Stage) -> None:
    """The generator's stage."""
    from training.drawn import generator_run

    generator_run.train_generator(stage)


@app.command()
def drawings(noto: Annotated[Path, typer.Argument(help="Noto Emoji's folder png/128")],
             emojilib: Annotated[Path, typer.Argument(help="emojilib's emoji-en-US.json")],
             into: Annotated[Path, typer.Argument(help="the folder to make")]) -> None:
    """Make a folder of drawings that --drawings takes."""
    from training.world.drawings_folder import gather

    try:
        typer.echo(f"{gather(noto, emojilib, into)} drawings in {into}")
    except DrawingsError as error:
        raise typer.BadParameter(str(error)) from error


@app.command()
def export(folder: Folder = Path("runs"), into: Annotated[Path | None, typer.Option(
        help="where to write; without it, where the package has them")] = None) -> None:
    """Write the shipped files from the states in the folder."""
    from training.drawn.export import SHIPPED, export_generator, export_perceptor

    for path in (export_generator(folder, into or SHIPPED),
                 export_perceptor(folder, into or SHIPPED)):
        typer.echo(f"{path}  {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    app()
