"""Distance from the typical picture: ``python -m bench.drawn.typical --drawings F --json``.

Prompts of the four kinds are painted that training may have seen, never the held-out ones. Printed
is, for each kind, the mean squared error (pixels in 0..1) to the typical pictures of the captions
(``training.world.typical``), towards which the perceptor leads; no judge is needed.
``--learning-rate`` and ``--iterations`` are fields of the request; the catalogue has their
defaults.
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

from bench.common.cli import AsJson
from bench.drawn.painting import paint_all
from bench.drawn.thing_prompts import KINDS
from training.world.drawing import draw_array
from training.world.sampling import sample_scene
from training.world.things import Drawings
from training.world.typical import typical_scene


def prompts(each: int, drawings: Drawings, seed: int = 77) -> dict[str, list[tuple[str, Tensor]]]:
    """For each kind, ``each`` captions and their typical pictures [3, 128, 128] in 0..1."""
    rng = np.random.default_rng(seed)
    found: dict[str, list[tuple[str, Tensor]]] = {}
    for kind, (mix, put_into_words) in KINDS.items():
        found[kind] = []
        while len(found[kind]) < each:
            scene = sample_scene(rng, mix)
            caption, claim = put_into_words(scene, rng)
            drawn = draw_array(typical_scene(scene, claim), None, 128, drawings)
            found[kind].append((caption, torch.from_numpy(drawn).float() / 255))
    return found


def main(
    drawings: Annotated[Path, typer.Option(help="the folder of drawings")],
    each: int = 6,
    workers: int = 2,
    iterations: int | None = None,
    learning_rate: float | None = None,
    as_json: AsJson = False,
) -> None:
    """Paint some prompts of each kind and print their errors."""
    torch.set_num_threads(1)
    asked = prompts(each, Drawings(drawings))
    entries = [
        {"caption": caption, "seed": number}
        for number, (caption, _) in enumerate(pair for pairs in asked.values() for pair in pairs)
    ]
    painted = iter(paint_all(entries, workers, iterations=iterations, learning_rate=learning_rate))
    errors = {
        kind: statistics.fmean(
            (next(painted) - typical).square().mean().item() for _, typical in pairs
        )
        for kind, pairs in asked.items()
    }
    rows = {"all": statistics.fmean(errors.values()), **errors}
    if as_json:
        print(json.dumps({kind: round(value, 4) for kind, value in rows.items()}))
        return
    for kind, value in rows.items():
        print(f"{kind:10} {value:.4f}")


if __name__ == "__main__":
    typer.run(main)
