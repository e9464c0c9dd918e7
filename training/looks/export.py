"""From the trained network to the file of looks that ships, with weights in fp16."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.models import load_models
from engine.models.perceptors.efficientnet_lite import ClassifierPerceptor
from training.common.stage import read_state, save_atomically
from training.looks.words import answers_of, fit, states_of, write

_TESTED = 600


@dataclass(frozen=True)
class Found:
    """The shares of texts of which exactly the looks that they name are found."""

    known: float
    others: float


def export(state: Path, into: Path, *, steps: int, seed: int) -> Found:
    """Write the network of ``state`` and a new part that reads words to ``into``."""
    weights = read_state(state)["average"]["weights"]
    perceptor = load_models("natural", device="cpu").perceptor
    assert isinstance(perceptor, ClassifierPerceptor)
    tower, tokenizer = perceptor.tower, perceptor.tokenizer
    words = fit(tower, tokenizer, steps=steps, seed=seed)
    tensors = {f"picture.{name}": value.half() for name, value in weights.items()}
    tensors |= {f"text.{name}": value.half() for name, value in words.state_dict().items()}
    save_atomically(tensors, into)
    right = []
    for held_out in (False, True):
        rng = np.random.default_rng([seed, steps, held_out])
        texts = [write(rng, held_out=held_out) for _ in range(_TESTED)]
        given = words(*states_of(tower, tokenizer, [each.text for each in texts])) > 0
        right.append((given == (answers_of(texts) > 0)).all(1).float().mean().item())
    return Found(*right)
