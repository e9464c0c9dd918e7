"""The `imagine` command: what it takes, what it refuses, what it leaves behind.

Everything that can be refused is looked at before torch is imported or a file is touched.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli import run
from engine.cli.output_files import Targets
from engine.errors import RequestError
from engine.painting.images import read_file, read_picture
from engine.request.limits import RANGES
from engine.request.request import FLAGS, ImageRequest, read_flag, request_from_text
from engine.version import version

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

EPILOG = """\
A picture's options may stand in the prompt too: imagine "a red star --seed 7 --ar 16:9". Ctrl-C
keeps the picture so far. The request is stored in the PNG's text.

Without --model the model natural paints. It takes any English words: it knows a thousand kinds of
things (animals, plants, food, buildings, vehicles, tools, clothes, landscapes) and for all else
paints what is near to them. natural-fourier knows the same and paints without a VQGAN.

The model drawn knows a small world: 263 drawn things (animals, plants, food, buildings,
vehicles, tools, faces and weather, such as fox, tulip, pizza, castle, rocket, key, robot and
rainbow); the shapes circle, square, triangle, star, cross, heart, diamond and ring; the colours
red, orange, yellow, green, turquoise, blue, purple, pink, brown, black, grey and white; plain,
striped, checked, dotted and gradient backgrounds, and sky, sea, night, grass, desert, snow and
city; two or three of a thing; left of, right of, above, below and inside; and the styles charcoal
drawing, pencil sketch, watercolour painting, oil painting, pixel art, mosaic, neon, blueprint,
woodcut and stained glass. Words it does not know are named and painted without. The real models,
which know nearly everything, are one flag away: imagine-models list shows them, imagine-models get
fetches one, and --model picks it."""

_NONE = " "  # or else typer writes <bool> beside a switch


def _about(field: str) -> str:
    """The help text of a request's field, with its range and default."""
    info = ImageRequest.model_fields[field]
    text = info.description or ""
    if field in RANGES:
        text += f" ({RANGES[field]})"
    if not info.is_required() and info.default is not None:
        text += f" (without it: {info.default})"
    return f"{text[0].upper()}{text[1:]}."


def _flag(name: str, metavar: str, about: str | None = None) -> Any:
    text = _about(name.replace("-", "_")) if about is None else about
    return typer.Option(f"--{name}", metavar=metavar, help=text, show_default=False)


def _file(*names: str, about: str) -> Any:
    return typer.Option(*names, metavar="FILE", help=about, show_default=False)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"imagine {version()}")
        raise typer.Exit


_SIZE = f"Width x height in pixels, each {RANGES['width']}; 256 is a square."
_ASPECT = "Width : height, as 16:9, the area being the model's own."


# The terminal has its own width; only empty lines part paragraphs.
@app.command(epilog=re.sub(r"(?<!\n)\n(?!\n)", " ", EPILOG))
def imagine(
    prompt: Annotated[list[str] | None, typer.Argument(
        metavar="PROMPT", help=_about("prompt"), show_default=False)] = None,
    output: Annotated[Path | None, _file(
        "-o", "--output", about="Where the picture goes, .png. Without it, a new file in the "
        "current folder, named by the words and the seed.")] = None,
    size: Annotated[str | None, _flag("size", "WxH", _SIZE)] = None,
    aspect: Annotated[str | None, _flag("ar", "W:H", _ASPECT)] = None,
    iterations: Annotated[str | None, _flag("iterations", "N")] = None,
    seed: Annotated[str | None, _flag("seed", "N")] = None,
    preset: Annotated[str | None, _flag("preset", "NAME")] = None,
    model: Annotated[str | None, _flag("model", "NAME")] = None,
    device: Annotated[str, typer.Option(
        metavar="NAME", help="Where to paint: auto, cpu, cuda, cuda:1 or mps.")] = "auto",
    precision: Annotated[str, typer.Option(
        metavar="NAME", help="What the generator computes in: float32, bf16, or auto, which is "
        "bf16 if the processor is fast at it.")] = "auto",
    init_image: Annotated[Path | None, _file(
        "--init-image", about="A picture to start from.")] = None,
    mask: Annotated[Path | None, _file(
        "--mask", about="A picture whose white or transparent part may change of the one to "
        "start from.")] = None,
    where: Annotated[str | None, _flag("where", "WORDS")] = None,
    strength: Annotated[str | None, _flag("strength", "X")] = None,
    keep: Annotated[str | None, _flag("keep", "X")] = None,
    threshold: Annotated[str | None, _flag("threshold", "X")] = None,
    away: Annotated[str | None, _flag("away", "X")] = None,
    cutouts: Annotated[str | None, _flag("cutouts", "N")] = None,
    learning_rate: Annotated[str | None, _flag("learning-rate", "X")] = None,
    regulariser: Annotated[str | None, _flag("regulariser", "NAME")] = None,
    video: Annotated[Path | None, _file(
        "--video", about="Where a time-lapse goes, .mp4, .gif or .webp.")] = None,
    preview: Annotated[Path | None, _file(
        "--preview", about="A file with the picture so far, .png, .jpg or .webp.")] = None,
    preview_every: Annotated[float, typer.Option(
        metavar="SECONDS", help="How often the preview is refreshed.")] = 1.0,
    as_json: Annotated[bool, typer.Option(
        "--json", metavar=_NONE, help="Print one JSON object on stdout instead of text.")] = False,
    quiet: Annotated[bool, typer.Option(
        "--quiet", "-q", metavar=_NONE,
        help="Print nothing but errors (and --json's object).")] = False,
    show_version: Annotated[bool, typer.Option(
        "--version", callback=_show_version, is_eager=True, metavar=_NONE,
        help="Print the version and leave.")] = False,
) -> int:
    """Paint what the PROMPT says, by VQGAN-CLIP."""
    given = {"size": size, "ar": aspect, "iterations": iterations, "seed": seed,
             "preset": preset, "model": model, "cutouts": cutouts,
             "learning-rate": learning_rate, "regulariser": regulariser, "where": where,
             "strength": strength, "keep": keep, "threshold": threshold, "away": away}
    pictures: dict[str, bytes] = {}
    values: dict[str, Any] = {}
    for name, path in (("init_image", init_image), ("mask", mask)):
        if path is not None:
            values[name] = _take_picture(path, pictures)
    request = _request(prompt or [], {name: text for name, text in given.items()
                                      if text is not None}, values)
    if not 0 <= preview_every < math.inf:
        raise RequestError(f"--preview-every is {preview_every:g}; give it seconds, 0 or more.")
    targets = Targets(output, video, preview)
    targets.check(init_image)
    targets.check(mask)
    try:
        result = run.paint(request, pictures, targets, device=device,
                           precision=precision, preview_every=preview_every, quiet=quiet)
    except KeyboardInterrupt:
        typer.echo("imagine: Stopped at once.", err=True)
        return 130
    if as_json:
        typer.echo(json.dumps(result.report, ensure_ascii=False))
    elif not quiet:
        for what in ("path", "video", "preview"):
            if result.report[what] is not None:
                name = "Picture" if what == "path" else what.capitalize()
                typer.echo(f"{name}: {result.report[what]}")
    if result.error is not None:
        raise result.error
    return result.code


def _take_picture(path: Path, pictures: dict[str, bytes]) -> str:
    """Read a picture into ``pictures``; its SHA-256."""
    data = read_file(path)
    read_picture(data)  # refuses what is no picture before the models are loaded
    digest = hashlib.sha256(data).hexdigest()
    pictures[digest] = data
    return digest


def _request(words: list[str], flags: dict[str, str], values: dict[str, Any]) -> ImageRequest:
    for name in FLAGS:
        if name in flags:
            values |= read_flag(name, flags[name])
    return request_from_text(" ".join(words), **values)
