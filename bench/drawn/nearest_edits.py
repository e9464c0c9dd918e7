"""Compare settings of edits by pixels, without a judge: ``python -m bench.drawn.nearest_edits``.

Edits as those of ``bench.edit``, of scenes that training may have seen. As a thing stays where it
is, there is one picture that an edit should have become; ``left`` is how much of the way there is
left, the mean squared error over that of the picture as it was (median), ``right`` how often none
of eleven near misses, the picture as it was among them, is nearer at 32 x 32 px.
"""

from __future__ import annotations

import json
import multiprocessing
import statistics
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
import typer
from torch import Tensor

from bench.common.statistics import interval
from bench.drawn.edit_prompts import KINDS, target_of, where_of
from bench.drawn.judge import FIRST_STYLES, FIRST_WORLD
from bench.drawn.nearest import SCENES, SIDE
from bench.edit import begin, drawing
from engine.painting.pipeline import paint
from training.world.captions import describe
from training.world.sampling import near_miss, sample_scene
from training.world.scene import Scene

SEED = 4242


class Edit(NamedTuple):
    """What is to become what, the words for it, and those for where."""

    kind: str
    source: Scene
    target: Scene
    words: str
    where: str | None
    seed: int


class Edited(NamedTuple):
    """How an edit ended."""

    kind: str
    right: bool
    left: float


def make_edits(count: int) -> list[Edit]:
    """``count`` edits, the kinds by turns."""
    rng = np.random.default_rng(SEED)
    edits: list[Edit] = []
    while len(edits) < count:
        kind = KINDS[len(edits) % len(KINDS)]
        source = sample_scene(rng, replace(FIRST_WORLD, styled=0.0, pairs=0.0, plain=1.0))
        target = target_of(source, kind, rng, held=False)
        if target is not None and source.things[0].size == "medium":
            words, _ = describe(target, rng, full=True)
            edits.append(Edit(kind, source, target, words, where_of(source, kind), len(edits)))
    return edits


def _small(picture: Tensor) -> Tensor:
    return F.interpolate(picture[None], (SIDE, SIDE), mode="area")


def _far(picture: Tensor, other: Tensor) -> float:
    return (picture - other).square().mean().item()


def edit(job: tuple[Edit, dict[str, Any]]) -> Edited:
    """Make one edit with these values of a request, and look how near it came."""
    each, values = job
    torch.set_num_threads(1)
    synthesis = begin(each.source, each.words, each.where, each.seed, **values)
    side = synthesis.recipe.width
    *_, last = paint(synthesis)
    small = _small(last.image)
    others, rng = [each.source], np.random.default_rng(each.seed)
    while len(others) < SCENES - 1:
        other = near_miss(each.target, rng, FIRST_STYLES)
        if other not in (*others, each.target):
            others.append(other)

    def far(scene: Scene) -> float:
        return _far(_small(drawing(scene, each.seed, side)), small)

    was, wanted = (drawing(scene, each.seed, side) for scene in (each.source, each.target))
    return Edited(each.kind, far(each.target) < min(map(far, others)),
                  _far(last.image, wanted) / _far(was, wanted))


def main(limit: int = 24, workers: int = 2, strength: float | None = None,
         keep: float | None = None, learning_rate: float | None = None,
         iterations: int | None = None) -> None:
    """Edit and count, by kind; settings are the request's, without them as the catalogue says."""
    values = {"strength": strength, "keep": keep, "learning_rate": learning_rate,
              "iterations": iterations}
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        done = list(pool.map(edit, [(each, values) for each in make_edits(limit)]))
    rows = {}
    for kind in ("all", *KINDS):
        own = [each for each in done if kind in ("all", each.kind)]
        right = [each.right for each in own]
        rows[kind] = {"right": round(sum(right) / len(right), 3), "interval": interval(right),
                      "left": round(statistics.median(each.left for each in own), 3)}
    print(json.dumps(rows))


if __name__ == "__main__":
    typer.run(main)
