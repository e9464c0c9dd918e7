"""Paints the natural prompts of one kind, judges the pictures, and computes the figures."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.natural.figures import (
    Judgement,
    caption_ranked_first,
    in_top,
    perceptor_ranked_first,
    style_ranked_first,
    summary,
)
from bench.natural.gallery import (
    GalleryError,
    Settings,
    check_settings,
    paint_missing,
    picture_file,
    print_progress,
    random_starts,
    read_picture_file,
)
from bench.natural.judge import load_judge
from bench.natural.photographs import known_photographs
from bench.natural.style_judge import STYLE_NAMES, filtered, load_style_judge
from bench.prompts import FOLDER, Entry, read_entries
from engine.painting.images import to_tensor
from engine.painting.pipeline import recipe_of

KINDS = ("natural", "scenes", "styles")


def judge_pictures(kind: str, pictures: Tensor) -> Judgement:
    """The judges' log probabilities for pictures [n, 3, H, W] of a kind of prompt."""
    classes = load_judge().read(pictures)
    if kind != "styles":
        return Judgement(classes)
    return Judgement(classes, load_style_judge().read(pictures), STYLE_NAMES)


def _squares(folder: Path | None) -> tuple[list[Tensor], list[tuple[int, ...]]]:
    """The photographs as squares [3, 256, 256], and the classes that each shows."""
    found = [] if folder is None else known_photographs(folder)
    return ([to_tensor(image, 256, 256)[0] for image, _ in found], [true for _, true in found])


def true_figures(kind: str, photographs: Path | None) -> dict[str, list[bool]]:
    """The figures for photographs; for ``styles``, for each of them in every style."""
    squares, true = _squares(photographs)
    if not squares:
        return {"true_top1": [], "true_top5": []}
    if kind == "styles":
        rng = np.random.default_rng(7)
        styles = [style for style in STYLE_NAMES if style != "photo"]
        squares = [filtered(square, style, rng) for square in squares for style in styles]
        true = [each for each in true for _ in styles]
    judgement = judge_pictures(kind, torch.stack(squares))
    flags = {f"true_top{k}": in_top(judgement.classes, true, k) for k in (1, 5)}
    if kind == "styles":
        entries = [
            {"styles": [style]} for _ in range(len(squares) // len(styles)) for style in styles
        ]
        flags["true_style_top1"] = style_ranked_first(judgement, entries)
    return flags


def kind_figures(
    kind: str,
    entries: list[Entry],
    pictures: Tensor,
    settings: Settings,
    photographs: Path | None = None,
) -> dict[str, Any]:
    """All figures for pictures [n, 3, H, W] of these entries."""
    true = [entry["classes"][0] for entry in entries]
    judgement = judge_pictures(kind, pictures)
    print_progress(f"{kind}: asking the perceptor, and judging the random starts")
    random = judge_pictures(kind, random_starts(entries, settings))
    models = settings.models()
    flags = {
        "top1": in_top(judgement.classes, true, 1),
        "top5": in_top(judgement.classes, true, 5),
        "judge_r1": caption_ranked_first(judgement, entries),
        "perceptor_r1": perceptor_ranked_first(models, entries, pictures),
    }
    if kind == "styles":
        flags["style_top1"] = style_ranked_first(judgement, entries)
    flags |= {
        "random_top1": in_top(random.classes, true, 1),
        "random_r1": caption_ranked_first(random, entries),
    }
    true_flags = true_figures(kind, photographs)
    recipe = recipe_of(settings.request(entries[0]), models)
    return {
        **summary(flags | true_flags),
        "n": len(entries),
        "true_n": len(true_flags["true_top1"]),
        "model": settings.model,
        "preset": settings.preset,
        "iterations": recipe.iterations,
    }


def measure(
    kind: str,
    settings: Settings,
    *,
    prompts: Path = FOLDER,
    limit: int | None = None,
    workers: int = 2,
    folder: Path | None = None,
    judge_only: bool = False,
    photographs: Path | None = None,
) -> dict[str, Any]:
    """Paint the missing pictures of a kind, unless ``judge_only``, and judge them all.

    Raises MissingJudgeError before anything is painted, and GalleryError if the folder has
    pictures of other settings, or none to judge.
    """
    load_judge()
    entries = read_entries(kind, prompts, limit)
    with tempfile.TemporaryDirectory() as temporary:
        gallery = folder or Path(temporary)
        if judge_only and not (gallery / "settings.json").is_file():
            raise GalleryError(
                "There are no pictures to judge; name their folder with --folder, "
                "or paint them without --judge-only."
            )
        check_settings(gallery, settings)
        files = [picture_file(gallery, kind, entry) for entry in entries]
        if judge_only:
            there = [file.is_file() for file in files]
            print_progress(f"{kind}: {sum(there)} of {len(files)} pictures are there")
            entries = [entry for entry, is_there in zip(entries, there, strict=True) if is_there]
            files = [file for file, is_there in zip(files, there, strict=True) if is_there]
            if not files:
                raise GalleryError(
                    f"{gallery} has no pictures of the kind {kind}; paint them "
                    "without --judge-only."
                )
        else:
            paint_missing(entries, kind, settings, files, workers)
        pictures = torch.stack([read_picture_file(file) for file in files])
    return kind_figures(kind, entries, pictures, settings, photographs)
