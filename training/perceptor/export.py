"""From trained towers to the perceptor files that ship, with weights in fp16."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engine.models.checkpoints import read_tensors
from engine.models.packages import clip_tokenizer
from engine.models.perceptors.efficientnet_lite import EfficientNetLite0, build
from training.common.stage import read_state, save_atomically
from training.world.captions import describe
from training.world.sampling import Mix, sample_scene


def known_tokens(mix: Mix, captions: int = 20_000, seed: int = 5) -> list[int]:
    """The tokens in captions of ``mix``, in ascending order, start and end included."""
    rng = np.random.default_rng(seed)
    tokenizer = clip_tokenizer()
    tokens = {tokenizer.encoder["<|startoftext|>"], tokenizer.encoder["<|endoftext|>"]}
    # Each word once: no token has parts of two.
    words = {
        word for _ in range(captions) for word in describe(sample_scene(rng, mix), rng)[0].split()
    }
    return sorted(tokens.union(tokenizer.encode(" ".join(words))))


def export_drawn(state: Path, into: Path) -> Path:
    """Write the perceptor file ``into``: an OpenAI-format state dict, with the rows it learned.

    Of the 49,408 rows of the token embedding only those of known words are kept, next to their
    numbers in ``token_embedding.rows``. Raises CheckpointError if there is no such ``state``.
    """
    trained = read_state(state)
    weights: dict[str, Tensor] = trained["average"]["weights"]
    tensors = {name.removeprefix("clip."): value.half() for name, value in weights.items()}
    rows = torch.tensor(known_tokens(Mix(**trained["mix"])))
    tensors["token_embedding.weight"] = tensors["token_embedding.weight"][rows].clone()
    tensors["token_embedding.rows"] = rows
    save_atomically(tensors, into)
    return into


def export_natural(tower: Path, classifier: EfficientNetLite0, into: Path) -> Path:
    """Join the published ``classifier`` and a text ``tower`` in the file ``into``, and read it."""
    words = torch.load(tower, weights_only=True)
    tensors = {f"picture.{name}": value.half() for name, value in classifier.state_dict().items()}
    tensors |= {f"text.{name}": value.half() for name, value in words["state_dict"].items()}
    tensors["text.rows"] = words["rows"].to(torch.int32)
    save_atomically(tensors, into)
    build({"checkpoint": into}, {})
    return into


def replace_pictures(state: Path, into: Path) -> Path:
    """Put the averaged picture tower of the ``state`` of a robust training into the file ``into``.

    The file's text tower stays. Raises CheckpointError if there is no such state.
    """
    average: dict[str, Tensor] = read_state(state)["average"]["weights"]
    tensors = read_tensors(into)
    tensors |= {f"picture.{name}": value.half() for name, value in average.items()}
    save_atomically(tensors, into)
    build({"checkpoint": into}, {})
    return into
