"""What each augmentation does (paper, appendix G.2): ``python -m bench.ablation --out FOLDER``.

The first 40 prompts of ``bench/prompts/natural.json`` are painted with no augmentation, with each
of the five alone, and with all, at the paper's strengths and everything else as the recipe has it.
The judge of ``bench.natural`` says how often each way shows what was asked for. A run that is
stopped goes on where it was; the table is in ``FOLDER/ablation.json``, the pictures in
``FOLDER/ablation.jpg``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from bench.common.model_names import NATURAL
from bench.natural.figures import Entry, among_best, judged_first, summary
from bench.natural.gallery import (
    GalleryError,
    Settings,
    check_settings,
    kept_at,
    paint_missing,
    read_kept,
)
from bench.natural.judge import MissingJudgeError, load_judge
from bench.natural.measure import read_entries, read_pictures
from bench.prompts import FOLDER
from engine.errors import EngineError
from engine.painting.images import to_pil
from engine.request.recipe import PRESETS

KINDS = ("flip", "affine", "perspective", "jitter", "noise")
CASES = ("none", *KINDS, "all")
_STRENGTHS = ("degrees", "translate", "shear", "distortion", "hue", "saturation")
SIDE, GAP, LABEL = 96, 4, 200


def augmentation(case: str) -> tuple[tuple[str, float], ...]:
    """The fields of ``Augmentation`` that the case sets; one that is off has probability 0."""
    paper = PRESETS["paper"].augmentation
    chances = {kind: getattr(paper, kind) if case in (kind, "all") else 0.0 for kind in KINDS}
    strengths = {name: getattr(paper, name) for name in _STRENGTHS}
    return (*chances.items(), *strengths.items(), ("erasing", 0.0))


def figures(entries: list[Entry], pictures: Tensor) -> dict[str, Any]:
    """How often the judge sees what was asked for."""
    reading = read_pictures("natural", pictures)
    true = [entry["classes"][0] for entry in entries]
    return summary({"top1": among_best(reading.classes, true, 1),
                    "top5": among_best(reading.classes, true, 5),
                    "judge_r1": judged_first(reading, entries)})


def lay_out(entries: list[Entry], painted: dict[str, Tensor]) -> Image.Image:
    """A row for each prompt, a column for each case."""
    width, height = LABEL + len(painted) * (SIDE + GAP), 20 + len(entries) * (SIDE + GAP)
    sheet = Image.new("RGB", (width, height), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(11)
    for column, (case, pictures) in enumerate(painted.items()):
        x = LABEL + column * (SIDE + GAP)
        pen.text((x, 3), case, fill="black", font=font)
        for row, picture in enumerate(pictures):
            sheet.paste(to_pil(picture).resize((SIDE, SIDE)), (x, 20 + row * (SIDE + GAP)))
    for row, entry in enumerate(entries):
        pen.text((4, 20 + row * (SIDE + GAP) + 40), entry["caption"][:34], fill="black", font=font)
    return sheet


def run(settings: Settings, case: str, entries: list[Entry], out: Path, workers: int) -> Tensor:
    """The pictures [n, 3, H, W] of a case; those that are there are not painted again."""
    check_settings(out / case, settings)
    files = [kept_at(out / case, "natural", entry) for entry in entries]
    paint_missing(entries, case, settings, files, workers)
    return torch.stack([read_kept(file) for file in files])


def main(out: Annotated[Path, typer.Option(help="where the pictures and the table go")],
         limit: int = 40, workers: int = 2, model: str = NATURAL, preset: str = "default",
         iterations: int | None = None, device: str = "cpu", prompts: Path = FOLDER) -> None:
    """Paint every prompt in every case, judge, lay out."""
    torch.set_num_threads(1)
    entries = read_entries("natural", prompts, limit)
    painted: dict[str, Tensor] = {}
    table: dict[str, Any] = {}
    try:
        load_judge()
        for case in CASES:
            settings = Settings(model, preset, iterations, device, augmentation(case))
            painted[case] = run(settings, case, entries, out, workers)
            table[case] = figures(entries, painted[case])
    except (MissingJudgeError, GalleryError, EngineError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    result = {"cases": table, "n": len(entries), "model": model, "preset": preset}
    text = json.dumps(result, indent=2)
    (out / "ablation.json").write_text(text + "\n", encoding="utf-8")
    lay_out(entries, painted).save(out / "ablation.jpg", quality=88)
    print(text)


if __name__ == "__main__":
    typer.run(main)
