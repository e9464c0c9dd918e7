"""Compares settings of edits by pixels, without a judge: ``python -m bench.drawn.nearest_edits``.

The edits are like those of ``bench.edit``, of scenes that training may have seen. Things stay where
they are, so that the right result is known as a picture. ``left`` is the median of the remaining
distance: the mean squared error to the right result, divided by that of the source. ``right`` is
how often the right result is nearer, at 32 x 32 px, than the source and ten near misses.
"""

from __future__ import annotations

import statistics
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
import typer
from torch import Tensor

from bench.common.cli import print_result
from bench.common.parallel import run_parallel
from bench.common.statistics import share, wilson_interval
from bench.drawn.edit_prompts import KINDS, edit_target, mask_phrase
from bench.drawn.edits import begin_edit, scene_tensor
from bench.drawn.judge import FIRST_STYLES, FIRST_WORLD
from bench.drawn.nearest import SCENES, SIDE
from engine.painting.pipeline import paint
from training.world.captions import describe
from training.world.sampling import near_miss, sample_scene
from training.world.scene import Scene

SEED = 4242


class Edit(NamedTuple):
    """A source and a target scene, the prompt, and the phrase for the mask."""

    kind: str
    source: Scene
    target: Scene
    prompt: str
    where: str | None
    seed: int


class Outcome(NamedTuple):
    """``right``: the target is the nearest scene; ``left``: the share of the distance left."""

    kind: str
    right: bool
    left: float


def make_edits(count: int) -> list[Edit]:
    """``count`` edits, the kinds in turn."""
    rng = np.random.default_rng(SEED)
    edits: list[Edit] = []
    while len(edits) < count:
        kind = KINDS[len(edits) % len(KINDS)]
        source = sample_scene(rng, replace(FIRST_WORLD, styled=0.0, pairs=0.0, plain=1.0))
        target = edit_target(source, kind, rng, held=False)
        if target is not None and source.things[0].size == "medium":
            prompt, _ = describe(target, rng, full=True)
            edits.append(Edit(kind, source, target, prompt, mask_phrase(source, kind), len(edits)))
    return edits


def _small(picture: Tensor) -> Tensor:
    return F.interpolate(picture[None], (SIDE, SIDE), mode="area")


def _squared_error(picture: Tensor, other: Tensor) -> float:
    return (picture - other).square().mean().item()


def make_edit(job: tuple[Edit, dict[str, Any]]) -> Outcome:
    """Make one edit with these values of the request, and measure it."""
    edit, values = job
    torch.set_num_threads(1)
    synthesis = begin_edit(edit.source, edit.prompt, edit.where, edit.seed, **values)
    side = synthesis.recipe.width
    *_, last = paint(synthesis)
    small = _small(last.image)
    others, rng = [edit.source], np.random.default_rng(edit.seed)
    while len(others) < SCENES - 1:
        other = near_miss(edit.target, rng, FIRST_STYLES)
        if other not in (*others, edit.target):
            others.append(other)

    def distance(scene: Scene) -> float:
        return _squared_error(_small(scene_tensor(scene, edit.seed, side)), small)

    source, target = (scene_tensor(scene, edit.seed, side) for scene in (edit.source, edit.target))
    return Outcome(
        edit.kind,
        distance(edit.target) < min(map(distance, others)),
        _squared_error(last.image, target) / _squared_error(source, target),
    )


def main(
    limit: int = 24,
    workers: int = 2,
    strength: float | None = None,
    keep: float | None = None,
    learning_rate: float | None = None,
    iterations: int | None = None,
) -> None:
    """Make edits and count the right ones by kind. The options are fields of the request."""
    values = {
        "strength": strength,
        "keep": keep,
        "learning_rate": learning_rate,
        "iterations": iterations,
    }
    outcomes = run_parallel(make_edit, [(edit, values) for edit in make_edits(limit)], workers)
    rows = {}
    for kind in ("all", *KINDS):
        own = [outcome for outcome in outcomes if kind in ("all", outcome.kind)]
        right = [outcome.right for outcome in own]
        rows[kind] = {
            "right": share(right),
            "interval": wilson_interval(right),
            "left": round(statistics.median(outcome.left for outcome in own), 3),
        }
    print_result(rows, as_json=True)


if __name__ == "__main__":
    typer.run(main)
