"""Compares settings by pixels, without a judge: ``python -m bench.drawn.nearest --json``.

Prompts of the first world are painted that training may have seen, never the held-out ones. Each
prompt's scene and eleven near misses (``training.world.sampling.near_miss``) are drawn many times,
at other places and angles. A painting is right if the drawings of the right scene are the nearest
to it: their mean squared error, over the best three at 32 x 32 px, is the lowest of the twelve
scenes. True drawings pass this test 19 times out of 20.

With ``--drawings``, the prompts are about the whole world. ``--learning-rate``, ``--iterations``
and ``--cutouts`` are fields of the request; the catalogue has their defaults.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
import typer
from torch import Tensor

from bench.common.cli import AsJson, DrawingsFolder, print_result
from bench.common.statistics import share, wilson_interval
from bench.drawn.judge import FIRST_WORLD
from bench.drawn.painting import paint_all
from training.world.captions import describe
from training.world.drawing import draw_array
from training.world.sampling import WHOLE, Mix, near_miss, sample_scene
from training.world.scene import Scene
from training.world.things import Drawings

SIDE, SCENES, DRAWINGS, NEAREST, SEED = 32, 12, 32, 3, 1000


def sample_prompt_scene(number: int, world: Mix) -> Scene:
    """The scene of a prompt by its number: every third has one thing, the others have two."""
    mix = replace(world, styled=0.0, plain=1.0, pairs=float(number % 3 > 0))
    return sample_scene(np.random.default_rng(SEED + number), mix)


def draw_with_near_misses(
    scene: Scene, rng: np.random.Generator, drawings: Drawings | None
) -> Tensor:
    """Drawings [scenes, DRAWINGS, 3, SIDE, SIDE] of ``scene`` first, then of near misses."""
    scenes = [scene]
    while len(scenes) < SCENES:
        other = near_miss(scene, rng)
        if other not in scenes and other.ground.pattern == scene.ground.pattern:
            scenes.append(other)
    drawn = np.stack(
        [[draw_array(each, rng, 2 * SIDE, drawings) for _ in range(DRAWINGS)] for each in scenes]
    )
    return F.avg_pool3d(torch.from_numpy(drawn).float() / 255, (1, 2, 2))


def nearer_scenes(picture: Tensor, drawings: Tensor) -> int:
    """How many near misses are nearer to ``picture`` [3, H, W] in 0..1 than the right scene."""
    small = F.interpolate(picture[None], (SIDE, SIDE), mode="area")
    errors = ((drawings - small) ** 2).mean(dim=(2, 3, 4))
    distances = errors.topk(NEAREST, dim=1, largest=False).values.mean(dim=1)
    return int((distances < distances[0]).sum())


def main(
    limit: int = 60,
    workers: int = 2,
    iterations: int | None = None,
    learning_rate: float | None = None,
    cutouts: int | None = None,
    drawings: DrawingsFolder = None,
    as_json: AsJson = False,
) -> None:
    """Paint the prompts and count the right ones, by the relation between their things."""
    known_drawings = None if drawings is None else Drawings(drawings)
    world = FIRST_WORLD if known_drawings is None else WHOLE
    scenes = [sample_prompt_scene(number, world) for number in range(limit)]
    rngs = [np.random.default_rng(SEED + number) for number in range(limit)]
    entries = [
        {"caption": describe(scene, rng, full=True)[0], "seed": number}
        for number, (scene, rng) in enumerate(zip(scenes, rngs, strict=True))
    ]
    torch.set_num_threads(1)
    painted = paint_all(
        entries, workers, iterations=iterations, learning_rate=learning_rate, cutouts=cutouts
    )
    counts = [
        nearer_scenes(picture, draw_with_near_misses(scene, rng, known_drawings))
        for picture, scene, rng in zip(painted, scenes, rngs, strict=True)
    ]
    relations = dict.fromkeys(scene.relation for scene in scenes if scene.relation is not None)
    rows: dict[str, Any] = {}
    for kind in ("all", "one", *relations):
        own = [
            count
            for count, scene in zip(counts, scenes, strict=True)
            if kind in ("all", scene.relation or "one")
        ]
        right = [count == 0 for count in own]
        rows[kind] = {
            "right": share(right),
            "interval": wilson_interval(right),
            "nearer": round(sum(own) / len(own), 2),
            "n": len(own),
        }
    print_result(rows, as_json)


if __name__ == "__main__":
    typer.run(main)
