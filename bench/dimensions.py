"""How many dimensions the captions fill: ``python -m bench.dimensions``.

At a picture, the slope of the similarity to a caption is linear in the caption's unit vector. So
captions that lie in few dimensions can ask for few different changes, whatever they say. Counted
is the exponential of the entropy of the shares of variance along the principal axes, a number
from 1 to the vectors' width (as Roy and Vetterli's effective rank, 2007, of singular values):
over captions of the whole world that tell everything, and over the names of the drawn things, each
on a white background. ``--state`` reads a training run's averaged weights in place of the
shipped ones.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from torch import Tensor

from bench.names import DRAWN
from engine.models import load_models
from engine.models.perceptors.openai_clip import build_perceptor
from engine.training.asking import encode_asked
from engine.training.captions import describe
from engine.training.perceptor import WHOLE_MIX
from engine.training.things import drawn_things
from engine.training.world import sample_scene


def dimensions(vectors: Tensor) -> float:
    """The number of dimensions that ``vectors`` [N, D] fill, their mean taken off."""
    variance = torch.linalg.svdvals(vectors - vectors.mean(0)).square()
    share = variance / variance.sum()
    return torch.special.entr(share).sum().exp().item()


def main(state: Annotated[Path | None, typer.Option(help="a run's perceptor.pt")] = None) -> None:
    """Print the two numbers as JSON."""
    if state is None:
        perceptor = load_models(DRAWN, device="cpu").perceptor
    else:
        weights = torch.load(state, weights_only=True)["average"]["weights"]
        perceptor = build_perceptor({name.removeprefix("clip."): value
                                     for name, value in weights.items()})
    rng = np.random.default_rng(0)
    captions = [describe(sample_scene(rng, WHOLE_MIX), rng, full=True)[0] for _ in range(2000)]
    names = [f"a {name} on a white background" for name in drawn_things()]
    print(json.dumps({"captions": round(dimensions(encode_asked(perceptor, captions)), 1),
                      "names": round(dimensions(encode_asked(perceptor, names)), 1),
                      "width": perceptor.width}))


if __name__ == "__main__":
    typer.run(main)
