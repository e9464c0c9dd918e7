"""Training curves for the docs: ``python -m bench.curves FOLDER...`` plots the logs of training.

Writes ``docs/pictures/curves.png``: a row for each folder, and in it a panel for each model that
was trained there, with its figures over the steps, smoothed over ``WINDOW`` log lines.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from PIL import Image, ImageDraw, ImageFont

from bench.common.cli import DOCS_PICTURES

WINDOW = 9
WIDTH, HEIGHT, LEFT, TOP, GAP, FONT = 460, 220, 56, 60, 30, 16
INKS = ("#2563eb", "#dc2626", "#059669", "#a16207")
PANELS = (("generator", ("l1", "edges", "commitment")), ("words", ("cosine",)))
FILE = DOCS_PICTURES / "curves.png"


@dataclass(frozen=True)
class Curve:
    """One figure over a run: ``steps`` and smoothed ``values``, both of length n."""

    name: str
    steps: np.ndarray
    values: np.ndarray


def read_curves(file: Path, names: tuple[str, ...]) -> list[Curve]:
    """The figures ``names`` of a training log.

    If a run was resumed from an earlier step, the later line of a step counts.
    """
    lines: dict[int, dict[str, float]] = {}
    for line in file.read_text().splitlines():
        figures = json.loads(line)
        lines[int(figures["step"])] = figures
    curves = []
    for name in names:
        points = [(step, lines[step][name]) for step in sorted(lines) if name in lines[step]]
        if points:
            steps, values = (np.array(each, float) for each in zip(*points, strict=True))
            curves.append(Curve(name, steps, smoothed(values)))
    return curves


def smoothed(values: np.ndarray) -> np.ndarray:
    """The moving average of values [n]; at the ends the window is shorter."""
    half = WINDOW // 2
    return np.array([values[max(0, i - half) : i + half + 1].mean() for i in range(len(values))])


def draw_panel(pen: ImageDraw.ImageDraw, title: str, curves: list[Curve], x: int, y: int) -> None:
    """One panel with its upper left corner at (x, y); its scale starts at 0."""
    last = max(curve.steps[-1] for curve in curves)
    highest = max(curve.values.max() for curve in curves)
    top = next(limit for limit in (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 1e9) if highest <= limit)
    font = ImageFont.load_default(FONT)
    pen.text((x, y - 40), title, fill="black", font=font)
    pen.line([(x, y), (x, y + HEIGHT), (x + WIDTH, y + HEIGHT)], fill="#888888")
    pen.text((x - 6, y), f"{top:g}", fill="black", font=font, anchor="ra")
    pen.text((x - 6, y + HEIGHT), "0", fill="black", font=font, anchor="rs")
    pen.text((x + WIDTH, y + HEIGHT + 4), f"step {last:.0f}", fill="black", font=font, anchor="ra")
    for i, (curve, ink) in enumerate(zip(curves, INKS, strict=False)):
        points = [
            (x + WIDTH * step / last, y + HEIGHT * (1 - value / top))
            for step, value in zip(curve.steps, curve.values, strict=True)
        ]
        pen.line(points, fill=ink, width=2)
        pen.text(
            (x + 8 + WIDTH * i / len(curves), y - 4), curve.name, fill=ink, font=font, anchor="ls"
        )


def lay_out(folders: list[Path]) -> Image.Image:
    """The whole picture, with a row for each folder."""
    rows = [
        [(folder, *panel) for panel in PANELS if (folder / f"{panel[0]}.jsonl").exists()]
        for folder in folders
    ]
    sheet = Image.new(
        "RGB",
        (max(map(len, rows)) * (WIDTH + LEFT + GAP), len(rows) * (HEIGHT + TOP + GAP)),
        "white",
    )
    pen = ImageDraw.Draw(sheet)
    for row, panels in enumerate(rows):
        for column, (folder, model, names) in enumerate(panels):
            curves = read_curves(folder / f"{model}.jsonl", names)
            draw_panel(
                pen,
                f"{model}, {folder.name}",
                curves,
                LEFT + column * (WIDTH + LEFT + GAP),
                TOP + row * (HEIGHT + TOP + GAP),
            )
    return sheet


def main(
    folders: Annotated[list[Path], typer.Argument(help="with logs of training.drawn")],
    file: Path = FILE,
) -> None:
    """Draw the curves of these folders."""
    file.parent.mkdir(parents=True, exist_ok=True)
    lay_out(folders).save(file, optimize=True)


if __name__ == "__main__":
    typer.run(main)
