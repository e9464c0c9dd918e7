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


def first_through(block: Any, tokens: Tensor) -> Tensor:
    """The first of the tokens [N, L, W] after a ``block``, as :func:`through` has it: [N, W].

    The others are only looked at: most of a last block's products make tokens that nobody reads.
    """
    first = tokens[:, 0] + _attention_of_first(block.attn, block.ln_1(tokens))
    return first + mlp(block.mlp, block.ln_2(first))


def mlp(layers: Any, tokens: Tensor) -> Tensor:
    """The perceptron of a block's ``layers``, ``c_fc``, ``gelu``, ``c_proj``, of [..., W]."""
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


def _attention_of_first(attention: nn.MultiheadAttention, tokens: Tensor) -> Tensor:
    """What the first of the tokens [N, L, W] sees in all of them: [N, W]."""
    weight, bias = attention.in_proj_weight, attention.in_proj_bias
    tokens = tokens.to(weight.dtype)
    width, heads = tokens.shape[2], attention.num_heads
    query = linear(tokens[:, 0], weight[:width], bias[:width]).unflatten(1, (heads, 1, -1))
    both = linear(tokens, weight[width:], bias[width:]).unflatten(2, (2, heads, -1))
    keys, values = both.permute(2, 0, 3, 1, 4)  # [N, H, L, D] each
    scores = (query * query.shape[3] ** -0.5) @ keys.mT
    seen = (scores.softmax(3) @ values).flatten(1)
    return linear(seen, attention.out_proj.weight, attention.out_proj.bias)
