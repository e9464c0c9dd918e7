"""``python -m training.drawn``: make the `drawn` models again, all of them or a part."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from training.common.shipped import DRAWN
from training.world.things import Drawings, DrawingsError

if TYPE_CHECKING:
    from training.drawn.stages import Stage

app = typer.Typer(add_completion=False)

# The steps of (generator, words) with shapes only, and with drawings.
SHAPES_STEPS, WHOLE_STEPS = (3500, 2000), (7000, 8000)


def _checked(folder: Path | None) -> Path | None:
    """``folder``, if its drawings are complete; better now than in each of the processes."""
    try:
        if folder is not None:
            Drawings(folder)
    except DrawingsError as error:
        raise typer.BadParameter(str(error)) from error
    return folder


Folder = Annotated[Path, typer.Option(help="where states and logs are kept")]
Minutes = Annotated[float, typer.Option(help="stop after this long; resume later")]
Resume = Annotated[bool, typer.Option(help="continue from the state in the folder, if any")]
StartFrom = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        file_okay=False,
        help="a folder of exported models to start from, if the run has no state of its own",
    ),
]
FolderOfDrawings = Annotated[
    Path | None,
    typer.Option(
        "--drawings",
        callback=_checked,
        help="a folder of drawings; without it the world has shapes only",
    ),
]
Steps = Annotated[
    int | None,
    typer.Option(min=1, help="where the learning rate ends; the default depends on the world"),
]
Threads = Annotated[int, typer.Option(help="processor cores to use")]
Processes = Annotated[
    int, typer.Option(help="train in this many processes, a core each", min=1, max=64)
]


def steps_in(drawings: Path | None) -> tuple[int, int]:
    """The generator's and the words' steps in the world with or without ``drawings``."""
    return SHAPES_STEPS if drawings is None else WHOLE_STEPS


@app.callback(invoke_without_command=True)
def both(
    context: typer.Context,
    folder: Folder = Path("runs"),
    minutes: Minutes = 100,
    resume: Resume = True,
    processes: Processes = 1,
    start_from: StartFrom = None,
    drawings: FolderOfDrawings = None,
) -> None:
    """Train the drawn models, in stages that resume: the generator, then the perceptor's words.

    Repeat the command until both have done all their steps; `export` then writes the files that
    ship. The other commands are the parts, with their own options.
    """
    if context.invoked_subcommand is not None:
        return
    from training.drawn.stages import Stage

    began = time.monotonic()
    generator_steps, words_steps = steps_in(drawings)
    # The generator trains in one process, with as many threads.
    _train_generator(
        Stage(
            folder,
            minutes,
            generator_steps,
            resume,
            threads=processes,
            start_from=start_from,
            drawings=drawings,
        )
    )
    left = minutes - (time.monotonic() - began) / 60
    if left > 0:
        _train_words(
            Stage(
                folder,
                left,
                words_steps,
                resume,
                threads=1,
                start_from=start_from,
                drawings=drawings,
            ),
            processes,
        )


@app.command()
def words(
    folder: Folder = Path("runs"),
    minutes: Minutes = 100,
    steps: Steps = None,
    resume: Resume = True,
    threads: Threads = 1,
    processes: Processes = 1,
    start_from: StartFrom = None,
    drawings: FolderOfDrawings = None,
) -> None:
    """Train the perceptor's text tower; its picture tower is a projection."""
    from training.drawn.stages import Stage

    steps = steps or steps_in(drawings)[1]
    _train_words(Stage(folder, minutes, steps, resume, threads, start_from, drawings), processes)


def _train_words(stage: Stage, processes: int) -> None:
    from training.common.data_parallel import train_in_processes
    from training.drawn import stages

    train_in_processes(processes, partial(stages.train_words, stage))


@app.command()
def generator(
    folder: Folder = Path("runs"),
    minutes: Minutes = 100,
    steps: Steps = None,
    resume: Resume = True,
    threads: Threads = 1,
    start_from: StartFrom = None,
    drawings: FolderOfDrawings = None,
) -> None:
    """Train the VQGAN."""
    from training.drawn.stages import Stage

    steps = steps or steps_in(drawings)[0]
    _train_generator(Stage(folder, minutes, steps, resume, threads, start_from, drawings))


def _train_generator(stage: Stage) -> None:
    from training.drawn import stages

    stages.train_generator(stage)


@app.command()
def drawings(
    noto: Annotated[Path, typer.Argument(help="Noto Emoji's folder png/128")],
    emojilib: Annotated[Path, typer.Argument(help="emojilib's emoji-en-US.json")],
    into: Annotated[Path, typer.Argument(help="the folder to make")],
) -> None:
    """Make a folder of drawings that --drawings takes."""
    from training.world.drawings_folder import make_folder

    try:
        typer.echo(f"{make_folder(noto, emojilib, into)} drawings in {into}")
    except DrawingsError as error:
        raise typer.BadParameter(str(error)) from error


@app.command()
def export(
    folder: Folder = Path("runs"),
    into: Annotated[Path, typer.Option(help="the folder to write to")] = DRAWN,
) -> None:
    """Write the files that ship from the states in the folder."""
    from training.drawn.stages import GENERATOR, WORDS
    from training.generator.export import export_state
    from training.perceptor.export import export_drawn

    for path in (
        export_state(folder / f"{GENERATOR}.pt", into / "generator.ckpt", unit_codes=False),
        export_drawn(folder / f"{WORDS}.pt", into / "perceptor.pt"),
    ):
        typer.echo(f"{path}  {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    app()
