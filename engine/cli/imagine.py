"""The `imagine` command.

All options are validated before torch is imported or a file is touched.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli import options, run
from engine.cli.describe import describe_picture
from engine.cli.given_files import local_file, prompt_pictures
from engine.cli.mask_files import check_have_masks
from engine.cli.output_files import Targets
from engine.cli.repeat import First, repeat_of
from engine.cli.streams import OutputError, complain, say, say_json
from engine.errors import RequestError
from engine.pictures.formats import FORMAT_NAMES
from engine.pictures.given import sound_of, take_readable
from engine.pictures.palette import palette_from
from engine.request.addresses import addresses
from engine.request.flag_values import FLAGS, read_flag
from engine.request.from_text import requests_from_text
from engine.request.grid import each_of
from engine.request.prompt.flags import SWITCHES
from engine.request.request import ImageRequest

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


# The terminal wraps lines itself; only empty lines separate paragraphs.
@app.command(epilog=re.sub(r"(?<!\n)\n(?!\n)", " ", options.EPILOG))
def imagine(
    prompt: Annotated[
        list[str] | None,
        typer.Argument(metavar="PROMPT", help=options.about("prompt"), show_default=False),
    ] = None,
    output: Annotated[
        Path | None,
        options.file(
            "-o",
            "--output",
            text="The picture's file, .png, or .svg of a model that paints strokes. By default a "
            "new file in the current folder, named after the words and the seed.",
        ),
    ] = None,
    size: Annotated[str | None, options.flag("size", "WxH", options.SIZE)] = None,
    ar: Annotated[str | None, options.flag("ar", "W:H", options.ASPECT)] = None,
    avoid: Annotated[str | None, options.flag("no", "WORDS", options.AVOID)] = None,
    iterations: Annotated[str | None, options.flag("iterations", "N")] = None,
    seed: Annotated[str | None, options.flag("seed", "N")] = None,
    count: Annotated[str | None, options.flag("count", "N", options.COUNT)] = None,
    preset: Annotated[str | None, options.flag("preset", "NAME")] = None,
    model: Annotated[str | None, options.flag("model", "NAME")] = None,
    perceptor: Annotated[list[str] | None, options.flag("perceptor", "NAME[:WEIGHT]")] = None,
    device: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="The device to paint on: auto, cpu, cuda, cuda:1 or mps."
        ),
    ] = "auto",
    precision: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="What the generator and CLIP compute in: float32, bf16, or auto, which is "
            "bf16 if the device is fast at it.",
        ),
    ] = "auto",
    memory_check: Annotated[
        bool,
        typer.Option(
            "--memory-check/--no-memory-check",
            help="Refuse a picture that is too large for the free memory. Without it, painting may "
            "end in the middle.",
        ),
    ] = True,
    init_image: Annotated[
        str | None, options.file("--init-image", text=f"A picture to start from: {FORMAT_NAMES}.")
    ] = None,
    mask: Annotated[
        str | None,
        options.file(
            "--mask",
            text="A mask for the picture to start from: white or transparent areas can change, "
            "or what is drawn on a transparent layer or on a copy of the picture. The notes tell "
            "which part was taken where more than one could be meant.",
        ),
    ] = None,
    like: Annotated[
        list[str] | None,
        options.file(
            "--like",
            text="A picture to paint like, with or without words; a weight and a stop follow as "
            "in a prompt: lemon.png:0.5. Can be repeated.",
        ),
    ] = None,
    region: Annotated[
        list[str] | None,
        typer.Option(
            "--region",
            metavar="NAME=FILE",
            help="The mask of a region that the prompt names, white inside: with --region "
            'hill=hill.png "a castle @hill" is painted there. Can be repeated.',
            show_default=False,
        ),
    ] = None,
    where: Annotated[str | None, options.flag("where", "WORDS")] = None,
    strength: Annotated[str | None, options.flag("strength", "X")] = None,
    vary: Annotated[str | None, options.flag("vary", "X")] = None,
    grow: Annotated[str | None, options.flag("grow", "X")] = None,
    extend: Annotated[str | None, options.flag("extend", "X")] = None,
    keep: Annotated[str | None, options.flag("keep", "X")] = None,
    threshold: Annotated[str | None, options.flag("threshold", "X")] = None,
    away: Annotated[str | None, options.flag("away", "X")] = None,
    cutouts: Annotated[str | None, options.flag("cutouts", "N")] = None,
    learning_rate: Annotated[str | None, options.flag("learning-rate", "X")] = None,
    method: Annotated[str | None, options.flag("method", "NAME")] = None,
    regulariser: Annotated[str | None, options.flag("regulariser", "NAME")] = None,
    augment: Annotated[str | None, options.flag("augment", "LIST")] = None,
    distance: Annotated[str | None, options.flag("distance", "NAME")] = None,
    smoothness: Annotated[str | None, options.flag("smoothness", "X")] = None,
    saturation: Annotated[str | None, options.flag("saturation", "X")] = None,
    symmetry: Annotated[str | None, options.flag("symmetry", "HALVES")] = None,
    palette: Annotated[str | None, options.flag("palette", "COLOURS", options.PALETTE)] = None,
    edge: Annotated[str | None, options.flag("edge", "COLOUR")] = None,
    aesthetic: Annotated[str | None, options.flag("aesthetic", "X")] = None,
    optimiser: Annotated[str | None, options.flag("optimiser", "NAME")] = None,
    schedule: Annotated[str | None, options.flag("schedule", "NAME")] = None,
    ema: Annotated[str | None, options.flag("ema", "X")] = None,
    starts: Annotated[str | None, options.flag("starts", "N")] = None,
    addition: Annotated[str | None, options.flag("addition", "NAME")] = None,
    noise: Annotated[str | None, options.flag("noise", "SEEDS")] = None,
    steer: Annotated[list[str] | None, options.flag("steer", "N: CHANGE", options.STEER)] = None,
    change_every: Annotated[str | None, options.flag("change-every", "N")] = None,
    fade: Annotated[str | None, options.flag("fade", "X")] = None,
    sound: Annotated[
        str | None,
        options.file(
            "--sound",
            text="A WAV file whose loudness leads through a story: the first part is painted "
            'where it is silent, the last where it is loudest, as in "a calm sea ^ a storm".',
        ),
    ] = None,
    zoom: Annotated[str | None, options.flag("zoom", "X")] = None,
    rotate: Annotated[str | None, options.flag("rotate", "X")] = None,
    pan: Annotated[str | None, options.flag("pan", "X,Y")] = None,
    tilt: Annotated[str | None, options.flag("tilt", "X,Y")] = None,
    every: Annotated[str | None, options.flag("every", "N")] = None,
    from_picture: Annotated[
        str | None,
        options.file(
            "--from",
            text="A PNG picture that imagine or the bot painted, to paint it again by what its "
            "file says. The pictures that it was painted with are not in it: add them as before. "
            "It tells what differs from then, and whether the result is the same.",
        ),
    ] = None,
    describe: Annotated[
        str | None,
        options.file(
            "--describe",
            text="A picture to find words for, instead of painting one: up to four prompts that "
            "the perceptor of --model finds nearest to it, the nearest first.",
        ),
    ] = None,
    tile: Annotated[
        bool, typer.Option("--tile", metavar=options.NO_METAVAR, help=options.about("tile"))
    ] = False,
    relax: Annotated[
        bool, typer.Option("--relax", metavar=options.NO_METAVAR, help=options.about("relax"))
    ] = False,
    video: Annotated[
        Path | None, options.file("--video", text="The file of a time-lapse, .mp4, .gif or .webp.")
    ] = None,
    preview: Annotated[
        Path | None,
        options.file("--preview", text="A file with the current picture, .png, .jpg or .webp."),
    ] = None,
    show_mask: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="A folder for pictures of how the mask was made, each step by itself: the scores "
            "of --where, the mask, and the mask over the picture. They are there before it paints.",
            show_default=False,
        ),
    ] = None,
    preview_every: Annotated[
        float, typer.Option(metavar="SECONDS", help="How often the preview is updated.")
    ] = 1.0,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite",
            metavar=options.NO_METAVAR,
            help="Let -o and --video replace the picture to start from, or the mask.",
        ),
    ] = False,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            metavar=options.NO_METAVAR,
            help="Print one JSON object a picture to stdout instead of text.",
        ),
    ] = False,
    quiet: Annotated[
        bool,
        typer.Option(
            "--quiet",
            "-q",
            metavar=options.NO_METAVAR,
            help="Print only errors (and the object of --json).",
        ),
    ] = False,
    show_version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=options.show_version,
            is_eager=True,
            metavar=options.NO_METAVAR,
            help="Print the version and exit.",
        ),
    ] = False,
) -> int:
    """Paint a picture of the PROMPT with VQGAN-CLIP."""
    flags = _flags(locals())
    pictures: dict[str, bytes] = {}
    values: dict[str, Any] = {}
    sources = [local_file("init-image", init_image), local_file("mask", mask)]
    for name, path in zip(("init_image", "mask"), sources, strict=True):
        if path is not None:
            values[name] = take_readable(path, pictures)
    sound_path = local_file("sound", sound)
    values |= {} if sound_path is None else {"loudness": sound_of(sound_path)}
    values |= {name: True for name, on in zip(SWITCHES, (tile, relax), strict=True) if on}
    read = prompt_pictures(like or [], region or [], pictures, values)
    text = " ".join([*(prompt or []), *([] if avoid is None else [f"--no {avoid}"])])
    other = {"tile": tile or None, "sound": sound, "no": avoid}
    described = local_file("describe", describe)
    if described is not None:
        given_too = {**other, **values, "prompt": prompt, "from": from_picture, "output": output}
        return describe_picture(
            described,
            flags,
            [name.replace("_", "-") for name, value in given_too.items() if value],
            device=device,
            precision=precision,
            as_json=as_json,
            quiet=quiet,
        )
    repeat = repeat_of(from_picture, prompt, {**flags, **other}, pictures)
    requests = (repeat.request,) if repeat else _requests(text, flags, values)
    if not 0 <= preview_every < math.inf:
        raise RequestError(f"--preview-every must be 0 or more seconds, not {preview_every:g}.")
    first = Targets(output, video, preview, show_mask)
    if first.is_vector and "init_image" in values:
        raise RequestError(
            "An edit keeps pixels of the picture that it starts from, which an SVG can't; use a "
            "name that ends in .png."
        )
    read |= dict(zip(("the picture to start from", "the mask"), sources, strict=True))
    read["the sound"] = sound_path
    read["the picture to paint again"] = None if repeat is None else repeat.path
    all_numbered = any(request.count is not None for request in requests)
    wanted = [each for request in requests for each in each_of(request)]
    targets = [first.numbered(i, the_first=all_numbered) for i in range(1, len(wanted) + 1)]
    for target in targets:
        target.check(read, overwrite=overwrite)
    if show_mask is not None:
        check_have_masks(requests)
    run.set_priority(requests)
    run.check_models_know(requests)
    for number, (request, target) in enumerate(zip(wanted, targets, strict=True), 1):
        if len(wanted) > 1 and not quiet:
            complain(f"Picture {number} of {len(wanted)}: {request.prompt}")
        try:
            result = run.paint(
                request,
                pictures,
                target,
                device=device,
                precision=precision,
                check_memory=memory_check,
                preview_every=preview_every,
                quiet=quiet,
                repeat=repeat or First(),
            )
        except KeyboardInterrupt:
            complain("imagine: Stopped.")
            return 130
        _tell(result.report, as_json=as_json, quiet=quiet)
        if result.error is not None:
            raise result.error
        if result.code:
            return result.code
    return 0


def _flags(given: dict[str, Any]) -> dict[str, str]:
    """The texts of those options that are flags of a prompt, too, and have a value."""
    texts = {name: given[name.replace("-", "_")] for name in FLAGS if name not in SWITCHES}
    texts["perceptor"] = ",".join(given["perceptor"] or ()) or None
    texts["steer"] = "\n".join(given["steer"] or ()) or None
    texts["palette"] = None if given["palette"] is None else palette_from(given["palette"])
    return {name: text for name, text in texts.items() if text is not None}


def _tell(report: dict[str, Any], *, as_json: bool, quiet: bool) -> None:
    """Print what was painted. The files are complete, whatever happens to standard output."""
    try:
        if as_json:
            say_json(report)
        elif not quiet:
            for what in ("path", "video", "preview"):
                if report[what] is not None:
                    name = "Picture" if what == "path" else what.capitalize()
                    say(f"{name}: {report[what]}")
            for path in report.get("mask", ()):
                say(f"Mask: {path}")
    except OutputError as error:
        place = f"{str(error).rstrip('.')}; the picture is {report['path']}."
        if as_json:  # a program waits for the report
            raise OutputError("{what}", what=place) from None
        complain(f"imagine: {place}")


def _requests(text: str, flags: dict[str, str], values: dict[str, Any]) -> tuple[ImageRequest, ...]:
    """The requests of the prompt and the options; raises RequestError."""
    for name in FLAGS:
        if name in flags:
            values |= read_flag(name, flags[name])
    if "size" in flags and "ar" in flags:
        raise RequestError("--size and --ar both set the shape; use only one of them.")
    address = next(addresses(text), None)
    if address is not None:
        raise RequestError(
            f'The prompt has the address "{address[0]}"; download the picture, and start from it '
            "with --init-image."
        )
    if "init_image" not in values:
        for name in ("strength", "mask", "where", "keep", "vary", "grow", "extend"):
            if name in values:
                raise RequestError(
                    f"--{name} needs a picture to start from; add it with --init-image, or leave "
                    f"--{name} out."
                )
    return requests_from_text(text, **values)
