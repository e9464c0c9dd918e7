"""CLIP's vision transformer (Dosovitskiy et al. 2020; Radford et al. 2021, section 2.4)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from engine.models.kernels.heads import attend_with_heads
from engine.models.kernels.linear import linear
from engine.models.kernels.perceptron import perceptron


class PictureTransformer(nn.Module):
    """The package's VisionTransformer, with its parameters and their names.

    Matrix products are in the precision of their weights. What the layers add to, its
    normalisation and the resulting vector are in float32, or more if the weights are.
    """

    def __init__(self, visual: Any) -> None:
        super().__init__()
        self.input_resolution: int = visual.input_resolution
        self.output_dim: int = visual.output_dim
        self.conv1 = visual.conv1
        self.class_embedding = visual.class_embedding
        self.positional_embedding = visual.positional_embedding
        self.ln_pre = visual.ln_pre
        self.transformer = visual.transformer
        self.ln_post = visual.ln_post
        self.proj = visual.proj

    def forward(self, pictures: Tensor) -> Tensor:
        """Normalised pictures [N, 3, S, S] -> vectors [N, D]."""
        patches = linear(_patches(pictures, self.conv1), self.conv1.weight.flatten(1), None)
        first = self.class_embedding.expand(len(pictures), 1, -1)
        wide = torch.cat([first, patches.to(first.dtype)], 1)  # [N, L, W]
        tokens = self.ln_pre(wide + self.positional_embedding)
        for block in self.transformer.resblocks:
            tokens = tokens + _attention(block.attn, block.ln_1(tokens))
            tokens = tokens + _perceptron(block.mlp, block.ln_2(tokens))
        vectors: Tensor = self.ln_post(tokens[:, 0]) @ self.proj.to(tokens.dtype)
        return vectors

    def compute_in_bf16(self) -> None:
        """Round the weights of all large matrix products to bf16, in place."""
        for module in (self.conv1, *self.transformer.modules()):
            if isinstance(module, nn.Conv2d | nn.Linear | nn.MultiheadAttention):
                module.to(torch.bfloat16)


def _patches(pictures: Tensor, conv: nn.Conv2d) -> Tensor:
    """The squares [N, h*w, 3 * side * side] that a convolution without overlap multiplies."""
    side = conv.kernel_size[0]
    whole = [length // side * side for length in pictures.shape[2:]]
    pictures = pictures[:, :, : whole[0], : whole[1]].to(conv.weight.dtype)
    squares: Tensor = pictures.unflatten(3, (-1, side)).unflatten(2, (-1, side))
    return squares.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)


def _attention(attention: nn.MultiheadAttention, tokens: Tensor) -> Tensor:
    weight, bias = attention.in_proj_weight, attention.in_proj_bias
    qkv = linear(tokens.to(weight.dtype), weight, bias)
    seen = attend_with_heads(qkv, attention.num_heads)
    return linear(seen, attention.out_proj.weight, attention.out_proj.bias)


def _perceptron(layers: Any, tokens: Tensor) -> Tensor:
    up, down = layers.c_fc, layers.c_proj
    tokens = tokens.to(up.weight.dtype)
    if up.weight.requires_grad or down.weight.requires_grad:
        trained: Tensor = layers(tokens)
        return trained
    return perceptron(
        tokens,
        (up.weight, up.bias),
        (down.weight, down.bias),
        quick=not isinstance(layers.gelu, nn.GELU),
    )
