"""One kind of natural prompts: paint it, judge it, sum it up."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.natural.figures import (
    Entry,
    Reading,
    among_best,
    judged_first,
    own_style,
    perceived_first,
    summary,
)
from bench.natural.gallery import (
    GalleryError,
    Settings,
    check_settings,
    kept_at,
    paint_missing,
    random_starts,
    read_kept,
    tell_stderr,
)
from bench.natural.judge import load_judge
from bench.natural.photographs import known_photographs
from bench.natural.style_judge import STYLE_NAMES, load_style_judge, styled
from bench.prompts import FOLDER
from engine.painting.images import to_tensor
from engine.painting.pipeline import recipe_of

KINDS = ("natural", "scenes", "styles")


def read_entries(kind: str, prompts: Path = FOLDER, limit: int | None = None) -> list[Entry]:
    """The first ``limit`` held-out prompts of a kind."""
    entries: list[Entry] = json.loads((prompts / f"{kind}.json").read_text("utf-8"))
    return entries[:limit]


def read_pictures(kind: str, pictures: Tensor) -> Reading:
    """What the judges say of pictures [n, 3, H, W]."""
    classes = load_judge().read(pictures)
    if kind != "styles":
        return Reading(classes)
    return Reading(classes, load_style_judge().read(pictures), STYLE_NAMES)


def _squares(folder: Path | None) -> tuple[list[Tensor], list[tuple[int, ...]]]:
    """The middles [3, 256, 256] of the photographs, and what each shows."""
    found = [] if folder is None else known_photographs(folder)
    return ([to_tensor(image, 256, 256)[0] for image, _ in found], [true for _, true in found])


def true_figures(kind: str, photographs: Path | None) -> dict[str, list[bool]]:
    """The same of true photographs, for styles of each of them in every style."""
    squares, true = _squares(photographs)
    if not squares:
        return {"true_top1": [], "true_top5": []}
    if kind == "styles":
        rng = np.random.default_rng(7)
        asked = [style for style in STYLE_NAMES if style != "photo"]
        squares = [styled(square, style, rng) for square in squares for style in asked]
        true = [each for each in true for _ in asked]
    reading = read_pictures(kind, torch.stack(squares))
    flags = {f"true_top{k}": among_best(reading.classes, true, k) for k in (1, 5)}
    if kind == "styles":
        entries = [{"styles": [style]} for _ in range(len(squares) // len(asked))
                   for style in asked]
        flags["true_style_top1"] = own_style(reading, entries)
    return flags


def judge_kind(kind: str, entries: list[Entry], pictures: Tensor, settings: Settings,
               photographs: Path | None = None) -> dict[str, Any]:
    """All figures of the pictures [n, 3, H, W] of these entries."""
    true = [entry["classes"][0] for entry in entries]
    reading = read_pictures(kind, pictures)
    tell_stderr(f"{kind}: asking the perceptor and judging the random starts")
    random = read_pictures(kind, random_starts(entries, settings))
    models = settings.models()
    flags = {"top1": among_best(reading.classes, true, 1),
             "top5": among_best(reading.classes, true, 5),
             "judge_r1": judged_first(reading, entries),
             "perceptor_r1": perceived_first(models, entries, pictures)}
    if kind == "styles":
        flags["style_top1"] = own_style(reading, entries)
    flags |= {"random_top1": among_best(random.classes, true, 1),
              "random_r1": judged_first(random, entries)}
    told = true_figures(kind, photographs)
    recipe = recipe_of(settings.request(entries[0]), models)
    return {**summary(flags | told), "n": len(entries), "true_n": len(told["true_top1"]),
            "model": settings.model, "preset": settings.preset, "iterations": recipe.iterations}


def measure(kind: str, settings: Settings, *, prompts: Path = FOLDER, limit: int | None = None,
            workers: int = 2, folder: Path | None = None, judge_only: bool = False,
            photographs: Path | None = None) -> dict[str, Any]:
    """Paint what is missing of a kind, unless ``judge_only``, and judge what is there.

    Raises MissingJudgeError before anything is painted, GalleryError for a folder of other
    pictures or none.
    """
    load_judge()
    entries = read_entries(kind, prompts, limit)
    with tempfile.TemporaryDirectory() as temporary:
        where = folder or Path(temporary)
        if judge_only and not (where / "settings.json").is_file():
            raise GalleryError("There are no pictures to judge; name their folder with --folder, "
                               "or paint them without --judge-only.")
        check_settings(where, settings)
        files = [kept_at(where, kind, entry) for entry in entries]
        if judge_only:
            there = [file.is_file() for file in files]
            tell_stderr(f"{kind}: {sum(there)} of {len(files)} pictures are there")
            entries = [entry for entry, is_there in zip(entries, there, strict=True) if is_there]
            files = [file for file, is_there in zip(files, there, strict=True) if is_there]
            if not files:
                raise GalleryError(f"{where} has no pictures of the kind {kind}; paint them "
                                   "without --judge-only.")
        else:
            paint_missing(entries, kind, settings, files, workers)
        pictures = torch.stack([read_kept(file) for file in files])
    return judge_kind(kind, entries, pictures, settings, photographs)
