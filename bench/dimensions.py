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

from engine.models import load_models
from engine.models.perceptor import Perceptor, new_clip
from engine.training.captions import describe
from engine.training.perceptor import ARCHITECTURE, WHOLE_MIX
from engine.training.things import drawn_things
from engine.training.world import sample_scene


def dimensions(vectors: Tensor) -> float:
    """The number of dimensions that ``vectors`` [N, D] fill, their mean taken off."""
    variance = torch.linalg.svdvals(vectors - vectors.mean(0)).square()
    share = variance / variance.sum()
    return torch.special.entr(share).sum().exp().item()


@torch.no_grad()
def _vectors(perceptor: Perceptor, captions: list[str]) -> Tensor:
    return torch.cat([perceptor.encode_text(captions[i:i + 250])
                      for i in range(0, len(captions), 250)])


def main(state: Annotated[Path | None, typer.Option(help="a run's perceptor.pt")] = None) -> None:
    """Print the two numbers as JSON."""
    if state is None:
        perceptor = load_models("embedded", device="cpu").perceptor
    else:
        perceptor = Perceptor(new_clip(**ARCHITECTURE)).eval()
        perceptor.load_state_dict(torch.load(state, weights_only=True)["average"]["weights"])
    rng = np.random.default_rng(0)
    captions = [describe(sample_scene(rng, WHOLE_MIX), rng, full=True)[0] for _ in range(2000)]
    names = [f"a {name} on a white background" for name in drawn_things()]
    print(json.dumps({"captions": round(dimensions(_vectors(perceptor, captions)), 1),
                      "names": round(dimensions(_vectors(perceptor, names)), 1),
                      "width": perceptor.width}))


if __name__ == "__main__":
    typer.run(main)
