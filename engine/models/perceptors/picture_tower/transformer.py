"""CLIP's vision transformer (Dosovitskiy et al. 2020; Radford et al. 2021, section 2.4)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from engine.models.perceptors.picture_tower.layers import (
    embedded_patches,
    first_through,
    round_products,
    through,
)


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
        patches = embedded_patches(pictures, self.conv1)
        first = self.class_embedding.expand(len(pictures), 1, -1)
        wide = torch.cat([first, patches.to(first.dtype)], 1)  # [N, L, W]
        tokens = self.ln_pre(wide + self.positional_embedding)
        *blocks, last = self.transformer.resblocks
        for block in blocks:
            tokens = through(block, tokens)
        first = first_through(last, tokens)
        vectors: Tensor = self.ln_post(first) @ self.proj.to(first.dtype)
        return vectors

    def compute_in_bf16(self) -> None:
        """Round the weights of all large matrix products to bf16, in place."""
        round_products(self.conv1, self.transformer)
