"""How the options of the command line are declared, and the texts of their help."""

from __future__ import annotations

from typing import Any

import typer

from engine.request.limits import RANGES
from engine.request.request import ImageRequest
from engine.version import version

EPILOG = """\
Options of the picture can also be part of the prompt: imagine "a red star --seed 7 --ar 16:9".
Words in braces are choices: imagine "a {red, blue} star" paints both, one after the other.
Ctrl-C stops and saves the picture so far. The request is stored in the PNG's text.

The default model is natural, which accepts any English words: it knows a thousand kinds of things
(animals, plants, food, buildings, vehicles, tools, clothes, landscapes) and paints similar ones for
anything else. natural-fourier, natural-pixels and natural-curves know the same and paint without a
VQGAN: a smooth picture, squares of pixels, and brush strokes, which -o fox.svg writes as SVG.

The model drawn knows a small world: 263 drawn things (animals, plants, food, buildings,
vehicles, tools, faces and weather, such as fox, tulip, pizza, castle, rocket, key, robot and
rainbow); the shapes circle, square, triangle, star, cross, heart, diamond and ring; the colours
red, orange, yellow, green, turquoise, blue, purple, pink, brown, black, grey and white; plain,
striped, checked, dotted and gradient backgrounds, and sky, sea, night, grass, desert, snow and
city; two or three of a thing; left of, right of, above, below and inside; and the styles charcoal
drawing, pencil sketch, watercolour painting, oil painting, pixel art, mosaic, neon, blueprint,
woodcut and stained glass. It lists the words it does not know and ignores them. For nearly
everything else there are the published models: imagine-models list shows them, imagine-models get
downloads one, and --model selects it."""

NO_METAVAR = " "  # without it typer adds <bool> to a switch


def about(field: str) -> str:
    """The help text of a request's field, with its range and default."""
    info = ImageRequest.model_fields[field]
    text = info.description or ""
    if field in RANGES:
        text += f" ({RANGES[field]})"
    if not info.is_required() and info.default is not None:
        text += f" (default: {info.default})"
    return f"{text[0].upper()}{text[1:]}."


def flag(name: str, metavar: str, text: str | None = None) -> Any:
    """An option that a prompt has, too; its help is ``text`` or what the request says of it."""
    text = about(name.replace("-", "_")) if text is None else text
    return typer.Option(f"--{name}", metavar=metavar, help=text, show_default=False)


def file(*names: str, text: str) -> Any:
    """An option that names a file; its help is ``text``."""
    return typer.Option(*names, metavar="FILE", help=text, show_default=False)


def show_version(asked: bool) -> None:
    """Print the version and exit, if that is asked for."""
    if asked:
        typer.echo(f"imagine {version()}")
        raise typer.Exit


SIZE = f"Width x height in pixels, each {RANGES['width']}; 256 is a square."
COUNT = (
    f"How many pictures to paint ({RANGES['count']}), with seeds from --seed on; -o fox.png "
    "becomes fox-1.png, fox-2.png and so on."
)
STEER = f"{about('steering').rstrip('.')}. Can be repeated."
AVOID = "What to push away from, separated by commas; the same as words with the weight -0.5."
PALETTE = f"{about('palette').rstrip('.')}; or a picture's file, for its main colours."
ASPECT = (
    "Width : height, for example 16:9, with the area of the model's default size. An edit is "
    "cropped to it."
)
