"""A contact sheet: ``python -m bench.contact`` lays out a hundred held-out prompts, good or bad.

With ``--kind drawn``, the first 25 of each of the four kinds of ``bench.drawn.thing_prompts``;
with ``--kind natural``, 50 of ``natural.json``, 25 of ``scenes.json`` and 25 of ``styles.json``.
All have the default settings and the seeds of ``bench.fidelity``; none is left out or painted
twice. Under each picture are its prompt and what the judges see in it: in drawn ones, each judge's
most likely name for the first thing; in natural ones, the most likely of 1,000 classes with its
probability, and the style if the prompt asks for one.

Natural pictures are not painted: ``--folder`` names the folder where ``bench.fidelity --folder``
kept them.
"""

from __future__ import annotations

from pathlib import Path
from textwrap import wrap
from typing import Annotated

import torch
import typer
from PIL import Image, ImageDraw, ImageFont

from bench.common.cli import DOCS_PICTURES, exit_on, unknown_kind
from bench.drawn.figures import JUDGES
from bench.drawn.judge import load_judge
from bench.drawn.painting import paint_all, read_painted
from bench.drawn.thing_prompts import KINDS
from bench.natural.classes import load_classes
from bench.natural.gallery import picture_file, read_picture_file
from bench.natural.judge import MissingJudgeError
from bench.natural.measure import judge_pictures
from bench.prompts import Entry, read_entries
from engine.painting.images import to_pil

EACH, COLUMNS, SIDE, LABEL, GAP = 25, 10, 128, 44, 6
FILES = {"drawn": DOCS_PICTURES / "contact.jpg", "natural": DOCS_PICTURES / "contact-natural.jpg"}
NATURAL_EACH = {"natural": 50, "scenes": 25, "styles": 25}


@torch.no_grad()
def drawn_labels(pictures: torch.Tensor) -> list[str]:
    """For each picture [n, 3, H, W], each judge's most likely name for its first thing."""
    read = []
    for name in JUDGES[next(iter(KINDS))]:
        judge = load_judge(name)
        answers = judge.answers["first shape"]
        read.append([str(answers[i]) for i in judge(pictures)["first shape"].argmax(1).tolist()])
    return [", ".join(dict.fromkeys(both)) for both in zip(*read, strict=True)]


def lay_out(entries: list[Entry], pictures: torch.Tensor, labels: list[str]) -> Image.Image:
    """The sheet, ten pictures in a row."""
    rows = -(-len(entries) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * (SIDE + GAP), rows * (SIDE + LABEL + GAP)), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(10)
    for i, (entry, picture, label) in enumerate(zip(entries, pictures, labels, strict=True)):
        x, y = i % COLUMNS * (SIDE + GAP), i // COLUMNS * (SIDE + LABEL + GAP)
        sheet.paste(to_pil(picture).resize((SIDE, SIDE)), (x, y))
        lines = [*wrap(entry["caption"], 25)[:2], f"seen: {label}"[:30]]
        for row, line in enumerate(lines):
            ink = "#666666" if line.startswith("seen") else "black"
            pen.text((x, y + SIDE + 2 + 13 * row), line, fill=ink, font=font)
    return sheet


def natural_labels(kind: str, pictures: torch.Tensor) -> list[str]:
    """For each picture [n, 3, H, W], its most likely class and probability, and its style."""
    judgement = judge_pictures(kind, pictures)
    probabilities, best = judgement.classes.exp().max(1)
    names = [load_classes()[i].name for i in best.tolist()]
    if judgement.styles is None:
        return [f"{name} {p:.0%}" for name, p in zip(names, probabilities.tolist(), strict=True)]
    styles = [judgement.style_names[i] for i in judgement.styles.argmax(1).tolist()]
    # Both must fit under the picture.
    return [
        f"{name[:9].strip()} {p:.0%}, {style}"
        for name, p, style in zip(names, probabilities.tolist(), styles, strict=True)
    ]


def natural_sheet(folder: Path, each: dict[str, int]) -> Image.Image:
    """The sheet of a folder's natural pictures, the first ``each`` of each kind."""
    entries, pictures, labels = [], [], []
    for kind, count in each.items():
        own = read_entries(kind, limit=count)
        files = [picture_file(folder, kind, entry) for entry in own]
        missing = [file for file in files if not file.is_file()]
        if missing:
            raise typer.BadParameter(
                f"{missing[0]} is missing; paint it with python -m "
                f"bench.fidelity --kind {kind} --folder {folder}"
            )
        painted = torch.stack([read_picture_file(file) for file in files])
        entries += own
        pictures.append(painted)
        labels += natural_labels(kind, painted)
    return lay_out(entries, torch.cat(pictures), labels)


def drawn_sheet(folder: Path | None, each: int, workers: int) -> Image.Image:
    """The sheet of drawn pictures; without a folder that has them, they are painted."""
    entries = [entry for kind in KINDS for entry in read_entries(kind, limit=each)]
    pictures = paint_all(entries, workers) if folder is None else read_painted(entries, folder)
    return lay_out(entries, pictures, drawn_labels(pictures))


def main(
    kind: Annotated[str, typer.Option(help="drawn or natural")] = "drawn",
    file: Path | None = None,
    workers: int = 2,
    each: int = EACH,
    folder: Annotated[
        Path | None, typer.Option(help="use the pictures that bench.fidelity --folder kept there")
    ] = None,
) -> None:
    """Paint the pictures or read them, judge them, and lay them out."""
    if kind not in FILES:
        raise unknown_kind(kind, FILES)
    file = file or FILES[kind]
    torch.set_num_threads(1)
    if kind == "drawn":
        sheet = drawn_sheet(folder, each, workers)
    elif folder is None:
        raise typer.BadParameter("name the --folder in which bench.fidelity kept the pictures")
    else:
        with exit_on(MissingJudgeError):
            sheet = natural_sheet(folder, NATURAL_EACH)
    file.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(file, quality=88)


if __name__ == "__main__":
    typer.run(main)
