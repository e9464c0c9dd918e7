"""The architecture of the `natural` generator, and its beginning: the shipped one, grown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from engine.models.checkpoints import read_tensors
from engine.models.generators.taming import VQModel, build_generator, read_config
from training.drawn.export import SHIPPED
from training.generator.growing import fold_scale, grow, more_codes
from training.generator.precision import float32_norms, in_channels_last
from training.pictures.pool import Pool

# The shipped generator's (drawn.py) with twice the channels at the two lowest
# resolutions, where they cost least: 256 x 256 px are decoded in 0.04 s, and forward and backward
# take 0.10 s, in bf16 on two threads; in float32 0.08 s and 0.19 s.
DDCONFIG: dict[str, Any] = {
    "double_z": False, "z_channels": 64, "resolution": 128, "in_channels": 3, "out_ch": 3,
    "ch": 16, "ch_mult": [1, 2, 4, 12], "num_res_blocks": 1, "attn_resolutions": [16],
    "dropout": 0.0, "norm_groups": 4}
CODES, CODE_WIDTH = 4096, 64


def new_model(ddconfig: Mapping[str, Any] = DDCONFIG, codes: int = CODES) -> VQModel:
    """A model as it is trained: with random weights, in the memory format that is fastest."""
    model = VQModel(dict(ddconfig), codes, CODE_WIDTH)
    float32_norms(model)
    in_channels_last(model)
    return model


def shipped_weights() -> dict[str, Tensor]:
    """The generator that ships with the engine, as a state dict."""
    generator = build_generator(read_tensors(SHIPPED / "generator.ckpt"),
                                read_config(SHIPPED / "generator.yaml"))
    return generator.model.state_dict()


@torch.no_grad()
def begin(model: VQModel, weights: Mapping[str, Tensor], pool: Pool, seed: int,
          pictures: int = 400) -> None:
    """Grow ``weights`` into ``model``; new codes go where pictures of the pool need them."""
    generator = torch.Generator().manual_seed(seed)
    weights = fold_scale(weights)
    grow(weights, model, generator)
    codebook = model.quantize.embedding.weight
    tokens = []
    for part in pool.pictures[:pictures].split(20):
        h = model.prequantised(part.float() / 127.5 - 1)
        tokens.append(h.flatten(2).transpose(1, 2).reshape(-1, h.shape[1]))
    old = weights["quantize.embedding.weight"]
    codebook.copy_(more_codes(old, torch.cat(tokens), len(codebook), generator))
