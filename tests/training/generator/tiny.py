"""Small sizes of everything, so that the tests take seconds."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from engine.models.generators.taming import VQModel
from training.generator.natural import NaturalGeneratorTrainer, NaturalGeneratorTraining
from training.pictures.pool import Sources

SMALL: dict[str, Any] = {
    "double_z": False,
    "z_channels": 64,
    "resolution": 16,
    "in_channels": 3,
    "out_ch": 3,
    "ch": 8,
    "ch_mult": [1, 1, 2],
    "num_res_blocks": 1,
    "attn_resolutions": [4],
    "dropout": 0.0,
    "norm_groups": 4,
}
WIDER: dict[str, Any] = {**SMALL, "ch_mult": [1, 2, 4]}
DEEPER: dict[str, Any] = {**SMALL, "num_res_blocks": 2}


def small_model(seed: int = 0, codes: int = 8) -> VQModel:
    torch.manual_seed(seed)
    model = VQModel(SMALL, codes, 64)
    torch.nn.init.normal_(model.quantize.embedding.weight, std=0.3)
    return model


def sources() -> Sources:
    rng = np.random.default_rng(1)
    return Sources(
        [
            rng.integers(0, 256, (40, 50, 3), dtype=np.uint8),
            rng.integers(0, 256, (45, 30, 1), dtype=np.uint8),
        ]
    )


def shrunk(pictures: Tensor) -> list[Tensor]:
    """In place of a classifier's features."""
    return [F.avg_pool2d(pictures, 4)]


def tiny_trainer(device: str = "cpu", **settings: Any) -> NaturalGeneratorTrainer:
    numbers: dict[str, Any] = {
        "batch": 4,
        "side": 24,
        "pool": 6,
        "pool_side": 28,
        "redraw_every": 3,
        "total": 8,
        "codes": 16,
        "adversarial": 0.01,
        "adversarial_after": 0.2,
        "revive_every": 2,
        "validate_every": 2,
        "ddconfig": WIDER,
    }
    held_out = {"grey": np.full((16, 16, 3), 128, dtype=np.uint8)}
    return NaturalGeneratorTrainer(
        NaturalGeneratorTraining(**(numbers | settings)),
        sources(),
        small_model().state_dict(),
        shrunk,
        held_out,
        torch.device(device),
    )
