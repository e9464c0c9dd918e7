"""What the training of the `natural` generator starts from: the `drawn` one, grown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from engine.models.generators.taming import VQModel
from training.common.precision import float32_norms, in_channels_last
from training.generator.architectures import CODE_WIDTH, NATURAL_CODES, NATURAL_DDCONFIG
from training.generator.growing import fold_scale, grow, more_codes
from training.generator.trainer import CODEBOOK
from training.pictures.pool import PicturePool


def new_model(
    ddconfig: Mapping[str, Any] = NATURAL_DDCONFIG, codes: int = NATURAL_CODES
) -> VQModel:
    """A model as it is trained: with random weights, in the memory format that is fastest."""
    model = VQModel(dict(ddconfig), codes, CODE_WIDTH)
    float32_norms(model)
    in_channels_last(model)
    return model


@torch.no_grad()
def start_from_smaller(
    model: VQModel, weights: Mapping[str, Tensor], pool: PicturePool, seed: int, pictures: int = 400
) -> None:
    """Grow ``weights`` into ``model``; new codes go where pictures of the pool need them."""
    generator = torch.Generator().manual_seed(seed)
    weights = fold_scale(weights)
    grow(weights, model, generator)
    codebook = model.quantize.embedding.weight
    tokens = []
    for part in pool.pictures[:pictures].split(20):
        h = model.prequantised(part.float() / 127.5 - 1)
        tokens.append(h.flatten(2).transpose(1, 2).reshape(-1, h.shape[1]))
    codebook.copy_(more_codes(weights[CODEBOOK], torch.cat(tokens), len(codebook), generator))
