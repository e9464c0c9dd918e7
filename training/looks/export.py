"""From the trained network to the file of looks that ships, with weights in fp16."""

from __future__ import annotations

from pathlib import Path

from engine.models.perceptors.efficientnet_lite import build
from engine.models.perceptors.looks import LooksWords
from engine.models.perceptors.text_tower import TextTower
from engine.models.perceptors.tokenizing import Tokenizer
from training.common.stage import read_state, save_atomically


def load_reading(perceptor: Path) -> tuple[TextTower, Tokenizer]:
    """The text tower of a perceptor's file, and its tokenizer."""
    loaded = build({"checkpoint": perceptor}, {})
    return loaded.tower, loaded.tokenizer


def export(state: Path, words: LooksWords, into: Path) -> None:
    """Write the network of ``state`` and the part that reads ``words`` to ``into``."""
    weights = read_state(state)["average"]["weights"]
    tensors = {f"picture.{name}": value.half() for name, value in weights.items()}
    tensors |= {f"text.{name}": value.cpu().half() for name, value in words.state_dict().items()}
    save_atomically(tensors, into)
