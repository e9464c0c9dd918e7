"""Options and output that the commands share."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

DOCS_PICTURES = Path(__file__).resolve().parents[2] / "docs" / "pictures"
AsJson = Annotated[bool, typer.Option("--json", help="print JSON on one line")]
DrawingsFolder = Annotated[Path | None, typer.Option(help="the folder of drawings")]


def print_result(result: Mapping[str, Any], as_json: bool) -> None:
    """Print a result as JSON: on one line for programs, else indented."""
    print(json.dumps(result) if as_json else json.dumps(result, indent=2))


def print_figures(figures: Mapping[str, Any], as_json: bool) -> None:
    """Print figures: as JSON on one line for programs, else one a line."""
    if as_json:
        print(json.dumps(figures))
        return
    width = max(map(len, figures)) + 2
    for name, value in figures.items():
        print(f"{name:{width}} {value}")


def unknown_kind(kind: str, kinds: Iterable[str]) -> typer.BadParameter:
    """The error for a ``--kind`` that does not exist."""
    return typer.BadParameter(f"unknown kind {kind}; choose from {', '.join(kinds)}")


@contextlib.contextmanager
def exit_on(*errors: type[Exception]) -> Iterator[None]:
    """Print one of these errors as a message without a traceback, and exit with 1."""
    try:
        yield
    except errors as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
