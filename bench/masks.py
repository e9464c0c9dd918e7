"""How CLIP's own mask is best made: ``python -m bench.masks``, for the numbers in the catalogue.

``--kind drawn`` takes sources of ``bench.edit`` in which the thing is to be found, and the drawn
model; with ``--backgrounds``, those in which the background is to be found. Masks are made from
sub-images of several sizes, with or without neutral phrases, refined or not, at several thresholds.
Printed are the mean intersection over union with the true mask, and the mean area divided by the
true area. Without ``--all``, only the best threshold of each way is printed. The first line is the
mask of the catalogue, without its room for another thing.

``--kind composed`` takes drawings on photographs (``bench.natural.composed``) and the natural
model, with ``--pairs`` two drawings on each, of which one is asked for; ``--kind outlines`` takes
twelve photographs in whose centre squares the thing was outlined by hand (``bench/prompts``). They
print the mask of the catalogue, and of pairs also the intersection over union with the wrong thing.
With ``--sub-images``, which take 15 s for each picture, also the masks of appendix H.2's sub-images
with our threshold and with the paper's. ``--skip`` leaves out the first pictures.

Nothing is painted. It takes some minutes on one core.
"""

from __future__ import annotations

import itertools
import statistics
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import torch
import typer
from torch import Tensor

from bench.common.model_names import DRAWN, NATURAL
from bench.drawn.edits import mask_iou, scene_tensor, thing_mask
from bench.drawn.scene_json import scene_from_json
from bench.natural.composed import Composed, composed_pictures, outlined_photographs
from bench.prompts import read_entries
from engine.models import load_models
from engine.painting.guided_filter import guided_filter
from engine.painting.self_masking import apply_threshold, normalise, score, self_mask
from engine.request.recipe import PAPER_THRESHOLD, SelfMasking, make_recipe

SIZES = ((0.05,), (0.05, 0.1), (0.1,), (0.15,), (0.2,), (0.1, 0.2), (0.2, 0.3), (0.3, 0.5))
REFINED = (0.0, 0.05, 0.1, 0.15)
NEUTRAL = ((), ("a background",), ("a shape", "a thing"), ("a background", "a shape", "a thing"))
THRESHOLDS = (PAPER_THRESHOLD, -1.0, 0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)


class Kind(StrEnum):
    """What the masks are made of."""

    drawn = "drawn"
    composed = "composed"
    outlines = "outlines"


def main(
    kind: Kind = Kind.drawn,
    limit: int | None = None,
    skip: int = 0,
    all_rows: Annotated[bool, typer.Option("--all")] = False,
    backgrounds: bool = False,
    pairs: bool = False,
    sub_images: bool = False,
    photos: Annotated[Path | None, typer.Option(help="the folder of photographs")] = None,
    drawings: Annotated[Path | None, typer.Option(help="the folder of drawings")] = None,
) -> None:
    """Print one line for each way to make the masks."""
    torch.set_num_threads(1)
    if kind is Kind.drawn:
        _drawn(50 if limit is None else limit, all_rows, backgrounds)
        return
    if photos is None or (kind is Kind.composed and drawings is None):
        raise typer.BadParameter("name the folders with --photos and, for composed, --drawings")
    models = load_models(NATURAL, device="cpu")
    recipe = make_recipe("default", models.defaults)
    if kind is Kind.outlines:
        subjects = outlined_photographs(photos, recipe.width)
    else:
        assert drawings is not None
        subjects = composed_pictures(photos, drawings, recipe.width, limit, pairs=pairs)
    subjects = subjects[skip:limit]
    print(f"{len(subjects)} pictures", flush=True)
    made = [self_mask(s.picture, s.where, models.perceptor, recipe.masking) for s in subjects]
    print(f"catalogue: {_figures(subjects, [each.found for each in made])}", flush=True)
    if sub_images:
        plain = SelfMasking()
        made = [self_mask(s.picture, s.where, models.perceptor, plain) for s in subjects]
        print(f"sub-images: {_figures(subjects, [each.found for each in made])}", flush=True)
        paper = [apply_threshold(each.scores, PAPER_THRESHOLD) for each in made]
        print(f"the paper's: {_figures(subjects, paper)}", flush=True)


def _figures(subjects: list[Composed], masks: list[Tensor]) -> str:
    found = [mask[0, 0] > 0 for mask in masks]
    iou, area = _iou_and_area(found, [each.true for each in subjects])
    others = [
        mask_iou(mask, each.other)
        for mask, each in zip(found, subjects, strict=True)
        if each.other is not None
    ]
    wrong = f", IoU with the other thing {statistics.fmean(others):.3f}" if others else ""
    return f"IoU {iou:.3f}, area {area:.2f}{wrong}"


def _drawn(limit: int, all_rows: bool, backgrounds: bool) -> None:
    models = load_models(DRAWN, device="cpu")
    recipe = make_recipe("default", models.defaults)
    side = recipe.width
    kinds = ("background",) if backgrounds else ("colour", "object")
    entries = [entry for entry in read_entries("edits") if entry["kind"] in kinds][:limit]
    pictures, true = [], []
    for entry in entries:
        scene = scene_from_json(entry["source"])
        pictures.append(scene_tensor(scene, entry["seed"], side)[None])
        thing = thing_mask(scene, entry["seed"], side)
        true.append(~thing if backgrounds else thing)
    masking = replace(recipe.masking, room=None)
    found = [
        self_mask(picture, entry["where"], models.perceptor, masking).mask[0, 0] > 0
        for picture, entry in zip(pictures, entries, strict=True)
    ]
    print("catalogue: IoU {:.3f}, area {:.2f}".format(*_iou_and_area(found, true)), flush=True)
    for sizes, neutral in itertools.product(SIZES, NEUTRAL):
        masking = SelfMasking(sizes=sizes, neutral=neutral)
        scores = [
            score(picture, entry["where"], models.perceptor, masking)
            for picture, entry in zip(pictures, entries, strict=True)
        ]
        for refine in REFINED:
            radius = round(refine * side)
            masks = [
                normalise(guided_filter(picture, normalise(each), radius) if radius else each)
                for picture, each in zip(pictures, scores, strict=True)
            ]
            rows = [
                (
                    *_iou_and_area(
                        [apply_threshold(mask, threshold)[0, 0] > 0 for mask in masks], true
                    ),
                    threshold,
                )
                for threshold in THRESHOLDS
            ]
            best = max(rows, key=lambda row: row[0])
            for iou, area, threshold in rows if all_rows else [best]:
                print(
                    f"sizes {sizes} neutral {len(neutral)} refine {refine:g} "
                    f"threshold {threshold:g}: "
                    f"IoU {iou:.3f}, area {area:.2f}",
                    flush=True,
                )


def _iou_and_area(masks: list[Tensor], true: list[Tensor]) -> tuple[float, float]:
    """The mean intersection over union, and the mean area divided by the true one."""
    areas = [float(mask.sum() / other.sum()) for mask, other in zip(masks, true, strict=True)]
    ious = [mask_iou(mask, other) for mask, other in zip(masks, true, strict=True)]
    return statistics.fmean(ious), statistics.fmean(areas)


if __name__ == "__main__":
    typer.run(main)
