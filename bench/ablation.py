"""What each augmentation does (paper, appendix G.2): ``python -m bench.ablation --out FOLDER``.

The first 40 prompts of ``bench/prompts/natural.json`` are painted without augmentation, with each
of the five alone, and with all, at the paper's strengths; the rest of the recipe stays. The judge
of ``bench.natural`` counts how often the picture shows what the prompt asks for. A run that was
stopped continues where it was; the table is in ``FOLDER/ablation.json``, the pictures in
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

from bench.common.cli import exit_on
from bench.common.model_names import NATURAL
from bench.natural.figures import caption_ranked_first, in_top, summary
from bench.natural.gallery import (
    GalleryError,
    Settings,
    check_settings,
    paint_missing,
    picture_file,
    read_picture_file,
)
from bench.natural.judge import MissingJudgeError, load_judge
from bench.natural.measure import judge_pictures
from bench.prompts import FOLDER, Entry, read_entries
from engine.errors import EngineError
from engine.painting.images import to_pil
from engine.request.recipe import PRESETS

KINDS = ("flip", "affine", "perspective", "jitter", "noise")
CASES = ("none", *KINDS, "all")
_STRENGTHS = ("degrees", "translate", "shear", "distortion", "hue", "saturation")
SIDE, GAP, LABEL = 96, 4, 200


def augmentation(case: str) -> tuple[tuple[str, float], ...]:
    """The fields of ``Augmentation`` for a case; the kinds that are off have probability 0."""
    paper = PRESETS["paper"].augmentation
    probabilities = {kind: getattr(paper, kind) if case in (kind, "all") else 0.0 for kind in KINDS}
    strengths = {name: getattr(paper, name) for name in _STRENGTHS}
    return (*probabilities.items(), *strengths.items(), ("erasing", 0.0))


def figures(entries: list[Entry], pictures: Tensor) -> dict[str, Any]:
    """How often the judge sees what the prompt asks for in pictures [n, 3, H, W]."""
    judgement = judge_pictures("natural", pictures)
    true = [entry["classes"][0] for entry in entries]
    return summary(
        {
            "top1": in_top(judgement.classes, true, 1),
            "top5": in_top(judgement.classes, true, 5),
            "judge_r1": caption_ranked_first(judgement, entries),
        }
    )


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
    """The pictures [n, 3, H, W] of a case; only those that are missing are painted."""
    check_settings(out / case, settings)
    files = [picture_file(out / case, "natural", entry) for entry in entries]
    paint_missing(entries, case, settings, files, workers)
    return torch.stack([read_picture_file(file) for file in files])


def main(
    out: Annotated[Path, typer.Option(help="the folder for the pictures and the table")],
    limit: int = 40,
    workers: int = 2,
    model: str = NATURAL,
    preset: str = "default",
    iterations: int | None = None,
    device: str = "cpu",
    prompts: Path = FOLDER,
) -> None:
    """Paint every prompt in every case, judge the pictures, and lay them out."""
    torch.set_num_threads(1)
    entries = read_entries("natural", prompts, limit)
    painted: dict[str, Tensor] = {}
    table: dict[str, Any] = {}
    with exit_on(MissingJudgeError, GalleryError, EngineError):
        load_judge()
        for case in CASES:
            settings = Settings(model, preset, iterations, device, augmentation(case))
            painted[case] = run(settings, case, entries, out, workers)
            table[case] = figures(entries, painted[case])
    result = {"cases": table, "n": len(entries), "model": model, "preset": preset}
    text = json.dumps(result, indent=2)
    (out / "ablation.json").write_text(text + "\n", encoding="utf-8")
    lay_out(entries, painted).save(out / "ablation.jpg", quality=88)
    print(text)


if __name__ == "__main__":
    typer.run(main)
