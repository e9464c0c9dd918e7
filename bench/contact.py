"""A contact sheet: ``python -m bench.contact`` paints a hundred held-out prompts, good or bad.

With ``--kind drawn``, the first 25 of each of the four kinds of ``bench.drawn.thing_prompts``; with
``--kind natural``, 50 of ``natural.json``, 25 of ``scenes.json`` and 25 of ``styles.json``. All
have the default settings and the seeds that ``bench.fidelity`` takes; none is left out, none
painted twice. Under each picture are its prompt and what the judges see in it: in a drawn one, what
the two take its first thing for, among all names there are; in a natural one, the likeliest of
1,000 classes and how likely it is, and the style where one was asked for.

Natural pictures are those that ``bench.fidelity --folder`` kept, which it must be told.
"""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import wrap
from typing import Annotated, Any

import torch
import typer
from PIL import Image, ImageDraw, ImageFont

from bench.drawn.judge import load_judge
from bench.drawn.thing_prompts import KINDS
from bench.fidelity import JUDGES, kept_at, paint_all
from bench.natural.classes import load_classes
from bench.natural.gallery import kept_at as natural_kept_at
from bench.natural.gallery import read_kept
from bench.natural.judge import MissingJudgeError
from bench.natural.measure import read_entries, read_pictures
from bench.prompts import FOLDER
from engine.painting.images import read_picture, to_pil, to_tensor

EACH, COLUMNS, SIDE, LABEL, GAP = 25, 10, 128, 44, 6
PICTURES = Path(__file__).parent.parent / "docs" / "pictures"
FILES = {"drawn": PICTURES / "contact.jpg", "natural": PICTURES / "contact-natural.jpg"}
NATURAL_EACH = {"natural": 50, "scenes": 25, "styles": 25}


@torch.no_grad()
def names_seen(pictures: torch.Tensor) -> list[str]:
    """For each picture [n, 3, H, W], each judge's likeliest name for its first thing."""
    read = []
    for name in JUDGES[next(iter(KINDS))]:
        judge = load_judge(name)
        answers = judge.answers["first shape"]
        read.append([str(answers[i]) for i in judge(pictures)["first shape"].argmax(1).tolist()])
    return [", ".join(dict.fromkeys(both)) for both in zip(*read, strict=True)]


def lay_out(entries: list[dict[str, Any]], pictures: torch.Tensor, seen: list[str]) -> Image.Image:
    """The sheet, a row of ten after the other."""
    rows = -(-len(entries) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * (SIDE + GAP), rows * (SIDE + LABEL + GAP)), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(10)
    for i, (entry, picture, names) in enumerate(zip(entries, pictures, seen, strict=True)):
        x, y = i % COLUMNS * (SIDE + GAP), i // COLUMNS * (SIDE + LABEL + GAP)
        sheet.paste(to_pil(picture).resize((SIDE, SIDE)), (x, y))
        lines = [*wrap(entry["caption"], 25)[:2], f"seen: {names}"[:30]]
        for row, line in enumerate(lines):
            ink = "#666666" if line.startswith("seen") else "black"
            pen.text((x, y + SIDE + 2 + 13 * row), line, fill=ink, font=font)
    return sheet


def painted_before(entries: list[dict[str, Any]], folder: Path) -> torch.Tensor:
    """The pictures [n, 3, H, W] that ``bench.fidelity --folder`` kept of these prompts."""
    files = [kept_at(folder, entry["caption"], entry["seed"]) for entry in entries]
    images = [read_picture(file.read_bytes()) for file in files]
    return torch.cat([to_tensor(image, image.width, image.height) for image in images])


def natural_seen(kind: str, pictures: torch.Tensor) -> list[str]:
    """For each picture [n, 3, H, W], the likeliest class and how likely it is, and its style."""
    reading = read_pictures(kind, pictures)
    chance, best = reading.classes.exp().max(1)
    classes = load_classes()
    seen = [f"{classes[i].name} {p:.0%}" for i, p in zip(best.tolist(), chance.tolist(),
                                                        strict=True)]
    if reading.styles is None:
        return seen
    # Short, for both must fit under the picture.
    styles = [reading.style_names[i] for i in reading.styles.argmax(1).tolist()]
    names = [classes[i].name[:9].strip() for i in best.tolist()]
    return [f"{name} {p:.0%}, {style}"
            for name, p, style in zip(names, chance.tolist(), styles, strict=True)]


def natural_sheet(folder: Path, each: dict[str, int]) -> Image.Image:
    """The sheet of the natural pictures that are kept in a folder, the first of each kind."""
    entries, pictures, seen = [], [], []
    for kind, count in each.items():
        own = read_entries(kind, limit=count)
        files = [natural_kept_at(folder, kind, entry) for entry in own]
        missing = [file for file in files if not file.is_file()]
        if missing:
            raise typer.BadParameter(f"{missing[0]} is not there; paint it with python -m "
                                     f"bench.fidelity --kind {kind} --folder {folder}")
        painted = torch.stack([read_kept(file) for file in files])
        entries += own
        pictures.append(painted)
        seen += natural_seen(kind, painted)
    return lay_out(entries, torch.cat(pictures), seen)


def main(kind: Annotated[str, typer.Option(help="drawn or natural")] = "drawn",
         file: Path | None = None, workers: int = 2, each: int = EACH,
         folder: Annotated[Path | None, typer.Option(
             help="lay out what bench.fidelity --folder kept there")] = None) -> None:
    """Paint, or take what is painted, judge and lay out."""
    if kind not in FILES:
        raise typer.BadParameter(f"there is no kind {kind}; there are {', '.join(FILES)}")
    file = file or FILES[kind]
    torch.set_num_threads(1)
    if kind == "natural":
        if folder is None:
            raise typer.BadParameter("name the --folder in which bench.fidelity kept the pictures")
        try:
            sheet = natural_sheet(folder, NATURAL_EACH)
        except MissingJudgeError as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(1) from None
    else:
        entries = [entry for name in KINDS
                   for entry in json.loads((FOLDER / f"{name}.json").read_text())[:each]]
        pictures = paint_all(entries, workers, None) if folder is None else painted_before(
            entries, folder)
        sheet = lay_out(entries, pictures, names_seen(pictures))
    file.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(file, quality=88)


if __name__ == "__main__":
    typer.run(main)
