"""Edits of drawn pictures, and the true masks that they are compared with."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from bench.common.parallel import run_parallel
from bench.drawn.painting import drawn_models
from bench.drawn.scene_json import scene_from_json
from bench.prompts import Entry
from engine.painting.images import to_pil, to_tensor
from engine.painting.pipeline import paint, prepare
from engine.painting.self_masking import self_mask
from engine.painting.synthesis import Synthesis
from engine.pictures.writing import png_bytes
from engine.request.recipe import PAPER_THRESHOLD, make_recipe
from engine.request.request import make_request
from training.world.drawing import draw
from training.world.scene import Scene


@dataclass(frozen=True)
class EditResult:
    """One edit: pictures [3, H, W] in 0..1, and the figures of ``bench.edit`` for it.

    Figures that need a mask are None for edits of the whole picture.
    """

    before: Tensor
    after: Tensor
    mae: float | None = None
    raw_mae: float | None = None
    iou: float | None = None
    iou_paper: float | None = None
    area: float | None = None


def draw_scene(scene: Scene, seed: int, side: int) -> Image.Image:
    """The scene as a picture. The same seed puts its thing at the same place."""
    return draw(scene, np.random.default_rng(seed), side)


def scene_tensor(scene: Scene, seed: int, side: int) -> Tensor:
    """The same as a tensor [3, side, side] in 0..1."""
    return to_tensor(draw_scene(scene, seed, side), side, side)[0]


def begin_edit(
    source: Scene, prompt: str, where: str | None, seed: int, **values: Any
) -> Synthesis:
    """The edit of ``source``'s picture before its first step.

    ``values`` are fields of the request, None for the default.
    """
    models = drawn_models()
    data = png_bytes(draw_scene(source, seed, make_recipe("default", models.defaults).width))
    name = hashlib.sha256(data).hexdigest()
    request = make_request(prompt, init_image=name, where=where, seed=seed, **values)
    return prepare(request, models, {name: data})


def thing_mask(scene: Scene, seed: int, side: int) -> Tensor:
    """Where the scene's thing covers at least half of a pixel: [side, side] of booleans.

    The thing is drawn once in black and once in white; the two pictures differ only there.
    """
    black, white = (
        np.asarray(
            draw_scene(
                replace(
                    scene,
                    style=None,
                    things=(replace(scene.things[0], colour=colour), *scene.things[1:]),
                ),
                seed,
                side,
            ),
            dtype=int,
        )
        for colour in ("black", "white")
    )
    change = (white - black).max(axis=2)
    return torch.from_numpy(change >= change.max() / 2)


def mask_iou(mask: Tensor, true: Tensor) -> float:
    """Intersection over union of two masks of booleans."""
    return float((mask & true).sum() / (mask | true).sum())


def outside_mae(after: Tensor, before: Tensor, mask: Tensor) -> float:
    """The mean absolute difference of [3, H, W] in 0..1 outside ``mask`` [H, W], in 255ths."""
    return float((after - before).abs()[:, ~mask].mean() * 255)


def _edit(job: tuple[Entry, Path | None, dict[str, Any]]) -> EditResult:
    entry, folder, values = job
    torch.set_num_threads(1)
    seed = entry["seed"]
    source, target = scene_from_json(entry["source"]), scene_from_json(entry["target"])
    synthesis = begin_edit(source, entry["prompt"], entry["where"], seed, **values)
    side = synthesis.recipe.width
    *_, last = paint(synthesis)
    assert synthesis.original is not None
    before = synthesis.original[0]
    if folder is not None:
        for name, picture in (
            ("before", to_pil(before)),
            ("after", last.to_pil()),
            ("mask", synthesis.overlay()),
        ):
            if picture is not None:
                picture.save(folder / f"{seed:03d}-{entry['kind']}-{name}.png")
    if synthesis.mask is None:
        return EditResult(before, last.image)
    thing = thing_mask(source, seed, side)
    background = entry["kind"] == "background"
    changing = ~thing if background else thing | thing_mask(target, seed, side)
    result = EditResult(
        before,
        last.image,
        outside_mae(last.image, before, changing),
        outside_mae(synthesis.look(raw=True).image, before, changing),
    )
    if background:  # its mask is nearly the whole picture, so IoU and area say little
        return result
    ours = replace(synthesis.recipe.masking, room=None)
    paper = replace(ours, threshold=PAPER_THRESHOLD, refine=0.0, neutral=())
    found, found_paper = (
        self_mask(before[None], entry["where"], synthesis.perceptor, masking).mask[0, 0] > 0
        for masking in (ours, paper)
    )
    return replace(
        result,
        iou=mask_iou(found, thing),
        iou_paper=mask_iou(found_paper, thing),
        area=float(synthesis.mask.hard.sum() / thing.sum()),
    )


def edit_all(
    entries: list[Entry], workers: int, folder: Path | None, **values: Any
) -> list[EditResult]:
    """All edits, several at a time.

    ``folder`` keeps sources, results and masks as files; ``values`` are fields of the request,
    None for the default. A threshold is left out for edits without a mask.
    """
    return run_parallel(
        _edit,
        [
            (
                entry,
                folder,
                {
                    name: value
                    for name, value in values.items()
                    if name != "threshold" or entry["where"] is not None
                },
            )
            for entry in entries
        ],
        workers,
    )
