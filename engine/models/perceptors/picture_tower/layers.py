"""The layers that vision transformers share (Dosovitskiy et al. 2020), with frozen weights."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

from engine.models.kernels.heads import attend_with_heads
from engine.models.kernels.linear import linear
from engine.models.kernels.perceptron import Gelu, perceptron

# Below this number of weights a picture tower takes no time in float32 either.
_WORTH_ROUNDING = 10_000_000


def embedded_patches(pictures: Tensor, conv: nn.Conv2d) -> Tensor:
    """Vectors [N, h*w, W] of the squares of pictures [N, 3, S, S], by a ``conv`` without overlap.

    Pixels at the right and bottom that make no whole square are left out, as the convolution does.
    """
    side = conv.kernel_size[0]
    whole = [length // side * side for length in pictures.shape[2:]]
    pictures = pictures[:, :, : whole[0], : whole[1]].to(conv.weight.dtype)
    squares: Tensor = pictures.unflatten(3, (-1, side)).unflatten(2, (-1, side))
    rows = squares.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)
    return linear(rows, conv.weight.flatten(1), conv.bias)


def through(block: Any, tokens: Tensor) -> Tensor:
    """Tokens [N, L, W] after a ``block``, the package's ResidualAttentionBlock without a mask."""
    tokens = tokens + _attention(block.attn, block.ln_1(tokens))
    return tokens + mlp(block.mlp, block.ln_2(tokens))


def mlp(layers: Any, tokens: Tensor) -> Tensor:
    """The perceptron of a block's ``layers``: ``c_fc``, ``gelu``, ``c_proj``."""
    up, down = layers.c_fc, layers.c_proj
    tokens = tokens.to(up.weight.dtype)
    if up.weight.requires_grad or down.weight.requires_grad:
        trained: Tensor = layers(tokens)
        return trained
    known = isinstance(layers.gelu, nn.GELU)
    gelu = cast("Gelu", layers.gelu.approximate) if known else "quick"
    return perceptron(tokens, (up.weight, up.bias), (down.weight, down.bias), gelu=gelu)


def is_worth_rounding(tower: nn.Module) -> bool:
    """Whether bf16 makes ``tower`` noticeably faster."""
    return sum(weight.numel() for weight in tower.parameters()) >= _WORTH_ROUNDING


def round_products(*parts: nn.Module) -> None:
    """Round the weights of all large matrix products in ``parts`` to bf16, in place."""
    for part in parts:
        for module in part.modules():
            if isinstance(module, nn.Conv2d | nn.Linear | nn.MultiheadAttention):
                module.to(torch.bfloat16)


def _attention(attention: nn.MultiheadAttention, tokens: Tensor) -> Tensor:
    weight, bias = attention.in_proj_weight, attention.in_proj_bias
    qkv = linear(tokens.to(weight.dtype), weight, bias)
    seen = attend_with_heads(qkv, attention.num_heads)
    return linear(seen, attention.out_proj.weight, attention.out_proj.bias)
