"""A contact sheet: ``python -m bench.contact`` paints a hundred held-out prompts, good or bad.

The first 25 of each of the four kinds of ``bench.held_out_whole``, with the default settings and
the seeds that ``bench.fidelity`` takes, none left out and none painted twice. Under each picture
stand its prompt and what the two judges take its first thing for, among all names there are.
"""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import wrap
from typing import Annotated, Any

import torch
import typer
from PIL import Image, ImageDraw, ImageFont

from bench.fidelity import JUDGES, kept_at, paint_all
from bench.held_out import FOLDER
from bench.held_out_whole import KINDS
from bench.judge import load_judge
from engine.pictures import read_picture, to_pil, to_tensor

EACH, COLUMNS, SIDE, LABEL, GAP = 25, 10, 128, 44, 6
FILE = Path(__file__).parent.parent / "docs" / "pictures" / "contact.jpg"


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


def main(file: Path = FILE, workers: int = 2, each: int = EACH,
         folder: Annotated[Path | None, typer.Option(
             help="lay out what bench.fidelity --folder kept there")] = None) -> None:
    """Paint, or take what is painted, judge and lay out."""
    entries = [entry for kind in KINDS
               for entry in json.loads((FOLDER / f"{kind}.json").read_text())[:each]]
    pictures = paint_all(entries, workers, None) if folder is None else painted_before(
        entries, folder)
    file.parent.mkdir(parents=True, exist_ok=True)
    lay_out(entries, pictures, names_seen(pictures)).save(file, quality=88)


if __name__ == "__main__":
    typer.run(main)
