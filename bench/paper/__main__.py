"""The paper's figures as one command: ``python -m bench.paper --out docs/paper/``.

With the included model, a contact sheet for each of Figs. 5 to 7 (edits), 15 (methods), 16
(augmentations), 17 (addition) and 18 (masked edits), with the judges' score under each picture, and
``figures.json`` with the means, their 95% intervals and their spread over five seeds (as tables in
``figures.md``). A picture
takes about 26 s of one core and is kept in ``--pictures``, so a stopped run continues where it was;
``--dry-run`` says what is missing, ``--judge-only`` uses what is there. The judges are those of
``bench.natural`` (``pip install -e ".[bench]"``).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from PIL import Image

from bench.common.cli import exit_on, unknown_kind
from bench.common.model_names import NATURAL
from bench.natural.gallery import print_progress
from bench.natural.judge import MissingJudgeError, load_judge
from bench.paper.cells import Cell, Figure
from bench.paper.painting import (
    SECONDS,
    Gallery,
    MissingPhotographError,
    missing,
    paint_missing,
)
from bench.paper.plan import EACH, NUMBERS, PHOTOGRAPHS, SEEDS, USUAL_EACH, make_figure
from bench.paper.scores import figures_of, score_cells
from bench.paper.sheets import lay_out, save_sheet
from bench.paper.tables import page
from bench.prompts import FOLDER
from engine.errors import EngineError
from engine.pictures.reading import read_picture

SIDES = {"5": 176, "6": 176, "7": 176, "15": 128, "16": 112, "17": 128, "18": 150}
"""The side of a picture on each sheet, in pixels."""


@dataclass(frozen=True)
class Plan:
    """The figures to make, and the pictures that are still missing."""

    figures: list[Figure]
    gallery: Gallery

    def missing(self, figure: Figure | None = None) -> list[Cell]:
        """The cells to paint, of one figure or of all."""
        figures = self.figures if figure is None else [figure]
        return missing(self.gallery, [cell for each in figures for cell in each.cells])

    def lines(self, workers: int) -> list[str]:
        """How many pictures each figure has and lacks, and how long the rest takes."""
        lines = []
        for figure in self.figures:
            files = {self.gallery.file(cell) for cell in figure.cells}
            lines.append(
                f"Fig. {figure.number} ({figure.about}): {len(files)} pictures, "
                f"{len(self.missing(figure))} to paint"
            )
        files = {self.gallery.file(cell) for each in self.figures for cell in each.cells}
        left = len(self.missing())
        minutes = left * SECONDS / 60 / workers
        return [
            *lines,
            f"Together {len(files)} different pictures, {left} to paint: about {minutes:.0f} min "
            f"with --workers {workers} on as many free cores",
        ]


def starts_of(figure: Figure, gallery: Gallery) -> dict[str, dict[str, Image.Image]]:
    """For each row of edits its photograph and, for a masked edit, the mask that was found."""
    starts: dict[str, dict[str, Image.Image]] = {}
    for cell in figure.cells:
        if cell.photograph is None:
            continue
        photograph = read_picture(gallery.photograph(cell.photograph))
        start = starts.setdefault(cell.row, {"original": photograph})
        mask = gallery.read_mask(cell)
        if mask is not None:
            start["mask"] = mask
    return starts


def make(figure: Figure, gallery: Gallery, out: Path) -> dict[str, Any]:
    """Write the sheet of a figure's painted cells; returns its figures."""
    found = {cell: picture for cell in figure.cells if (picture := gallery.read(cell))}
    scores = score_cells(figure, found, gallery)
    name = f"figure-{int(figure.number):02d}.jpg"
    if found:
        sheet = lay_out(figure, found, scores, starts_of(figure, gallery), SIDES[figure.number])
        save_sheet(sheet, out / name)
    return {
        "about": figure.about,
        "painted": len(found),
        "cells": len(figure.cells),
        "figures": figures_of(figure, scores),
    }


def write_figures(out: Path, figures: dict[str, Any]) -> None:
    """Write figures.json and its tables, figures.md; other figures that are there stay."""
    file = out / "figures.json"
    kept = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    every = kept | figures
    ordered = {number: every[number] for number in sorted(every, key=int)}
    file.write_text(json.dumps(ordered, indent=1) + "\n", encoding="utf-8")
    (out / "figures.md").write_text(page(ordered), encoding="utf-8")


def main(
    out: Annotated[Path, typer.Option(help="the folder of the sheets and figures.json")],
    figure: Annotated[list[str] | None, typer.Option(help=", ".join(NUMBERS))] = None,
    seeds: Annotated[int, typer.Option(min=1, max=SEEDS)] = SEEDS,
    each: Annotated[
        int, typer.Option(min=1, max=EACH, help="held-out prompts for each seed, Figs. 15 and 16")
    ] = USUAL_EACH,
    pictures: Annotated[Path, typer.Option(help="keeps the pictures")] = Path("runs/paper"),
    photographs: Annotated[
        Path, typer.Option(help="a folder with other photographs of the same names")
    ] = PHOTOGRAPHS,
    workers: Annotated[int, typer.Option(min=1)] = 2,
    model: str = NATURAL,
    iterations: int | None = None,
    device: str = "cpu",
    prompts: Path = FOLDER,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what is missing")] = False,
    judge_only: Annotated[bool, typer.Option("--judge-only", help="paint nothing")] = False,
) -> None:
    """Paint what is missing, judge all, and write the sheets and the figures."""
    for number in figure or ():
        if number not in NUMBERS:
            raise unknown_kind(number, NUMBERS)
    torch.set_num_threads(1)
    gallery = Gallery(pictures, photographs, model, iterations, device)
    chosen = [number for number in NUMBERS if not figure or number in figure]
    with exit_on(MissingJudgeError, MissingPhotographError, EngineError):
        if not dry_run:
            load_judge()
        plan = Plan([make_figure(number, seeds, each, prompts) for number in chosen], gallery)
        for line in plan.lines(workers):
            print_progress(line)
        if dry_run:
            return
        if not judge_only:
            paint_missing(gallery, plan.missing(), workers)
        out.mkdir(parents=True, exist_ok=True)
        results = {each.number: make(each, gallery, out) for each in plan.figures}
    write_figures(out, results)


if __name__ == "__main__":
    typer.run(main)
