"""How CLIP's own mask is best made: ``python -m bench.masks``, for the numbers in the catalogue.

For the sources of ``bench.edit`` whose thing is to be found: intersection over union with the
true mask, and the mask's area over the true one's, both means, for sub-images of several sizes,
with neutral phrases or without, refined or not, by threshold. Nothing is painted; some minutes of
one core. ``--all`` prints every row, without it those with the best threshold of each way. The
first line is of the mask as the catalogue has it, but for the room that it gives to another thing;
``--backgrounds`` measures those of the sources whose background is to be found instead.
"""

from __future__ import annotations

import itertools
import json
import statistics
from dataclasses import replace
from typing import Annotated

import torch
import typer
from torch import Tensor

from bench.common.model_names import DRAWN
from bench.drawn.shape_prompts import to_scene
from bench.edit import drawing, overlap, thing_mask
from bench.prompts import FOLDER
from engine.models import load_models
from engine.painting.guided_filter import guided_filter
from engine.painting.masking import above, normalise, score, self_mask
from engine.request.recipe import PAPER_THRESHOLD, SelfMasking, make_recipe

SIZES = ((0.05,), (0.05, 0.1), (0.1,), (0.15,), (0.2,), (0.1, 0.2), (0.2, 0.3), (0.3, 0.5))
REFINED = (0.0, 0.05, 0.1, 0.15)
NEUTRAL = ((), ("a background",), ("a shape", "a thing"), ("a background", "a shape", "a thing"))
THRESHOLDS = (PAPER_THRESHOLD, -1.0, 0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)


def main(limit: int = 50, every: Annotated[bool, typer.Option("--all")] = False,
         backgrounds: bool = False) -> None:
    """Print one line a way of making the masks."""
    torch.set_num_threads(1)
    models = load_models(DRAWN, device="cpu")
    recipe = make_recipe("default", models.defaults)
    side = recipe.width
    kinds = ("background",) if backgrounds else ("colour", "object")
    entries = [entry for entry in json.loads((FOLDER / "edits.json").read_text())
               if entry["kind"] in kinds][:limit]
    pictures, true = [], []
    for entry in entries:
        scene = to_scene(entry["source"])
        pictures.append(drawing(scene, entry["seed"], side)[None])
        thing = thing_mask(scene, entry["seed"], side)
        true.append(~thing if backgrounds else thing)
    found = replace(recipe.masking, room=None)
    usual = [self_mask(picture, entry["where"], models.perceptor, found)[0, 0] > 0
             for picture, entry in zip(pictures, entries, strict=True)]
    print("catalogue: IoU {:.3f}, area {:.2f}".format(*_measured(usual, true)), flush=True)
    for sizes, neutral in itertools.product(SIZES, NEUTRAL):
        masking = SelfMasking(sizes=sizes, neutral=neutral)
        grey = [score(picture, entry["where"], models.perceptor, masking)
                for picture, entry in zip(pictures, entries, strict=True)]
        for refine in REFINED:
            radius = round(refine * side)
            masks = [normalise(guided_filter(picture, normalise(each), radius) if radius else each)
                     for picture, each in zip(pictures, grey, strict=True)]
            rows = [(*_measured([above(mask, threshold)[0, 0] > 0 for mask in masks], true),
                     threshold) for threshold in THRESHOLDS]
            best = max(rows, key=lambda row: row[0])
            for iou, area, threshold in rows if every else [best]:
                print(f"sizes {sizes} neutral {len(neutral)} refine {refine:g} "
                      f"threshold {threshold:g}: "
                      f"IoU {iou:.3f}, area {area:.2f}", flush=True)


def _measured(hard: list[Tensor], true: list[Tensor]) -> tuple[float, float]:
    """The mean intersection over union and the mean area over the true one's."""
    areas = [float(one.sum() / other.sum()) for one, other in zip(hard, true, strict=True)]
    ious = [overlap(one, other) for one, other in zip(hard, true, strict=True)]
    return statistics.fmean(ious), statistics.fmean(areas)


if __name__ == "__main__":
    typer.run(main)
