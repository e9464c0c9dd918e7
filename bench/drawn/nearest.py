"""How settings are chosen, by pixels and without a judge: ``python -m bench.drawn.nearest --json``.

Prompts of the first world that training may have seen, never the held-out ones, are painted. Of
each prompt's scene and eleven near misses (training.world.sampling.near_miss) many true drawings
are made, at other places and turned otherwise; a painting is right where the right scene's are the
nearest to it: the mean squared error of three of them, at 32 x 32 px, the least among the twelve.
On true drawings that is right 19 times of 20. With ``--drawings`` the prompts are the whole
world's. ``--learning-rate``, ``--iterations`` and ``--cutouts`` are the request's, without them as
the catalogue says.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import torch.nn.functional as F
import typer
from torch import Tensor

from bench.common.statistics import interval
from bench.drawn.judge import FIRST_WORLD
from bench.fidelity import paint_all
from training.world.captions import describe
from training.world.drawing import draw_array
from training.world.sampling import WHOLE, Mix, near_miss, sample_scene
from training.world.scene import Scene
from training.world.things import Drawings

SIDE, SCENES, DRAWINGS, NEAREST, SEED = 32, 12, 32, 3, 1000


def scene_of(number: int, world: Mix) -> Scene:
    """The scene of the prompt of that number: every third has one thing, the others two."""
    mix = replace(world, styled=0.0, plain=1.0, pairs=float(number % 3 > 0))
    return sample_scene(np.random.default_rng(SEED + number), mix)


def drawings_of(scene: Scene, rng: np.random.Generator, drawings: Drawings | None) -> Tensor:
    """True pictures [scenes, DRAWINGS, 3, SIDE, SIDE] of ``scene``, first, and near misses."""
    scenes = [scene]
    while len(scenes) < SCENES:
        other = near_miss(scene, rng)
        if other not in scenes and other.ground.pattern == scene.ground.pattern:
            scenes.append(other)
    drawn = np.stack([[draw_array(each, rng, 2 * SIDE, drawings) for _ in range(DRAWINGS)]
                      for each in scenes])
    return F.avg_pool3d(torch.from_numpy(drawn).float() / 255, (1, 2, 2))


def nearer(picture: Tensor, drawings: Tensor) -> int:
    """How many near misses are nearer to ``picture`` [3, H, W] in 0..1 than the right scene."""
    small = F.interpolate(picture[None], (SIDE, SIDE), mode="area")
    errors = ((drawings - small) ** 2).mean(dim=(2, 3, 4))
    least = errors.topk(NEAREST, dim=1, largest=False).values.mean(dim=1)
    return int((least < least[0]).sum())


def main(limit: int = 60, workers: int = 2, iterations: int | None = None,
         learning_rate: float | None = None, cutouts: int | None = None,
         drawings: Annotated[Path | None, typer.Option(help="the folder of drawings")] = None,
         as_json: Annotated[bool, typer.Option("--json", help="print JSON alone")] = False) -> None:
    """Paint the prompts and count, by how many things there are and how they are related."""
    known = None if drawings is None else Drawings(drawings)
    world = FIRST_WORLD if known is None else WHOLE
    scenes = [scene_of(number, world) for number in range(limit)]
    rngs = [np.random.default_rng(SEED + number) for number in range(limit)]
    entries = [{"caption": describe(scene, rng, full=True)[0], "seed": number}
               for number, (scene, rng) in enumerate(zip(scenes, rngs, strict=True))]
    torch.set_num_threads(1)
    painted = paint_all(entries, workers, None, iterations=iterations,
                        learning_rate=learning_rate, cutouts=cutouts)
    wrong = [nearer(picture, drawings_of(scene, rng, known))
             for picture, scene, rng in zip(painted, scenes, rngs, strict=True)]
    relations = dict.fromkeys(scene.relation for scene in scenes if scene.relation is not None)
    rows: dict[str, Any] = {}
    for kind in ("all", "one", *relations):
        own = [count for count, scene in zip(wrong, scenes, strict=True)
               if kind in ("all", scene.relation or "one")]
        right = [count == 0 for count in own]
        rows[kind] = {"right": round(sum(right) / len(right), 3), "interval": interval(right),
                      "nearer": round(sum(own) / len(own), 2), "n": len(own)}
    print(json.dumps(rows) if as_json else json.dumps(rows, indent=2))


if __name__ == "__main__":
    typer.run(main)
