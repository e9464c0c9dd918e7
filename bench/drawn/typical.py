"""Distance from the typical picture: ``python -m bench.drawn.typical --drawings F --json``.

Prompts of the four kinds that training may have seen, never the held-out ones, are painted. Told
is, by kind, the mean squared error (pixels in 0 to 1) to their captions' typical pictures
(training.world.typical): no judge is needed for it. ``--learning-rate`` and ``--iterations`` are
the request's, without them as the catalogue says.
"""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from torch import Tensor

from bench.drawn.thing_prompts import KINDS
from bench.fidelity import paint_all
from training.world.drawing import draw_array
from training.world.sampling import sample_scene
from training.world.things import Drawings
from training.world.typical import typical_scene


def prompts(each: int, drawings: Drawings, seed: int = 77) -> dict[str, list[tuple[str, Tensor]]]:
    """By kind, ``each`` captions and their typical pictures [3, 128, 128] in 0..1."""
    rng = np.random.default_rng(seed)
    found: dict[str, list[tuple[str, Tensor]]] = {}
    for kind, (mix, tell) in KINDS.items():
        found[kind] = []
        while len(found[kind]) < each:
            scene = sample_scene(rng, mix)
            words, claim = tell(scene, rng)
            drawn = draw_array(typical_scene(scene, claim), None, 128, drawings)
            found[kind].append((words, torch.from_numpy(drawn).float() / 255))
    return found


def main(drawings: Annotated[Path, typer.Option(help="the folder of drawings")], each: int = 6,
         workers: int = 2, iterations: int | None = None, learning_rate: float | None = None,
         as_json: Annotated[bool, typer.Option("--json", help="print JSON alone")] = False) -> None:
    """Paint so many prompts of each kind and tell how far from their typical pictures they end."""
    torch.set_num_threads(1)
    asked = prompts(each, Drawings(drawings))
    entries = [{"caption": words, "seed": number} for number, (words, _) in
               enumerate(pair for pairs in asked.values() for pair in pairs)]
    painted = iter(paint_all(entries, workers, None, iterations=iterations,
                             learning_rate=learning_rate))
    far = {kind: statistics.fmean((next(painted) - right).square().mean().item()
                                  for _, right in pairs) for kind, pairs in asked.items()}
    rows = {"all": statistics.fmean(far.values()), **far}
    if as_json:
        print(json.dumps({kind: round(value, 4) for kind, value in rows.items()}))
        return
    for kind, value in rows.items():
        print(f"{kind:10} {value:.4f}")


if __name__ == "__main__":
    typer.run(main)
