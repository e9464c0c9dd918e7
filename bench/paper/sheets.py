"""Contact sheets: a row for each prompt or edit, the judges' score under each picture."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from textwrap import wrap

from PIL import Image, ImageDraw, ImageFont

from bench.paper.cells import Cell, Figure, Scores

LEFT, GAP, HEAD, FOOT = 150, 6, 18, 16
ROWS = 10
"""The most rows of a sheet."""
LARGEST = 400_000
"""The most bytes of a sheet."""


def label_of(cell: Cell, scores: Scores) -> str:
    """What stands under a picture: the chance of what was asked for, or what an edit changed."""
    if "probability" in scores:
        mark = "first" if scores["first_class"] else "in five" if scores["first_five"] else ""
        return f"{scores['probability']:.0%} {mark}".strip()
    if "content" in scores:
        return f"{scores['content']:.0%}, style {scores['style']:.0%}"
    if "before" not in scores:
        return ""
    kept = f"edges {scores['edges_kept']:.2f}"
    if cell.entry["measure"] == "class":
        return f"{scores['before']:.0%} > {scores['after']:.0%}, {kept}"
    return f"{scores['before']:.0f} > {scores['after']:.0f}, {kept}"


def shown_rows(figure: Figure, painted: set[Cell], most: int = ROWS) -> list[str]:
    """The rows of a sheet: those with the most pictures, in order.

    A row with one picture compares nothing, so it is left out if another row has more.
    """
    counts = {row: sum(cell.row == row for cell in painted) for row in figure.rows}
    least = 2 if figure.reference and max(counts.values()) > 1 else 1
    full = sorted((row for row in counts if counts[row] >= least), key=lambda row: -counts[row])
    return [row for row in counts if row in full[:most]]


def lay_out(
    figure: Figure,
    pictures: Mapping[Cell, Image.Image],
    scores: Mapping[Cell, Scores],
    before: Mapping[str, Mapping[str, Image.Image]],
    side: int,
) -> Image.Image:
    """The sheet. ``before`` has pictures left of a row's cells, by row and column.

    Pictures are at most ``side`` pixels wide and high. A cell that is not painted is blank, and a
    column of which nothing is painted is left out.
    """
    rows = shown_rows(figure, set(pictures))
    first = list(dict.fromkeys(name for row in rows for name in before.get(row, {})))
    used = {cell.column for cell in pictures if cell.row in rows}
    columns = [*first, *(column for column in figure.columns if column in used)]
    heights = [_height(row, pictures, side) + FOOT + GAP for row in rows]
    width, height = LEFT + len(columns) * (side + GAP), HEAD + sum(heights)
    sheet = Image.new("RGB", (width, height), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(11)
    for i, column in enumerate(columns):
        pen.text((LEFT + i * (side + GAP), 2), column, fill="black", font=font)
    cells = {(cell.row, cell.column): cell for cell in pictures}
    for j, row in enumerate(rows):
        y = HEAD + sum(heights[:j])
        pen.text((2, y + 4), "\n".join(wrap(row, 24)[:5]), fill="black", font=font)
        for i, column in enumerate(columns):
            cell = cells.get((row, column))
            picture = before.get(row, {}).get(column) if cell is None else pictures[cell]
            if picture is None:
                continue
            x = LEFT + i * (side + GAP)
            small = picture.convert("RGB")
            small.thumbnail((side, side), Image.Resampling.LANCZOS)
            sheet.paste(small, (x, y))
            if cell is not None:
                label = label_of(cell, scores.get(cell, {}))
                pen.text((x, y + small.height + 1), label, fill="#444444", font=font)
    return sheet


def _height(row: str, pictures: Mapping[Cell, Image.Image], side: int) -> int:
    """How high the pictures of a row are when they are at most ``side`` wide and high."""
    sizes = [picture.size for cell, picture in pictures.items() if cell.row == row]
    return max(round(height * min(side / width, side / height)) for width, height in sizes)


def save_sheet(sheet: Image.Image, file: Path, largest: int = LARGEST) -> None:
    """Save as a JPEG file of at most ``largest`` bytes, in the best quality that fits."""
    for quality in range(90, 40, -5):
        data = io.BytesIO()
        sheet.save(data, "JPEG", quality=quality, optimize=True)
        if data.tell() <= largest:
            break
    file.write_bytes(data.getvalue())
