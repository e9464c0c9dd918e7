"""SigLIP's picture tower (Zhai et al. 2023), whose head attends to all patches."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.models.perceptors.picture_tower.layers import (
    embedded_patches,
    mlp,
    round_products,
    through,
)


class MapTransformer(nn.Module):
    """A vision transformer without a class token, and a MAP head ("multihead attention pooling").

    ``conv1`` embeds the patches, ``transformer`` has the package's ``resblocks``. Matrix products
    of the layers are in the precision of their weights; what they add to, the head and the
    resulting vector are in float32, or more if the weights are.
    """

    def __init__(
        self, conv1: nn.Conv2d, positions: int, transformer: nn.Module, head: MapHead
    ) -> None:
        super().__init__()
        width = conv1.out_channels
        self.conv1 = conv1
        self.positional_embedding = nn.Parameter(torch.empty(positions, width))
        self.transformer = transformer
        self.ln_post = nn.LayerNorm(width, eps=head.norm.eps)
        self.head = head

    def forward(self, pictures: Tensor) -> Tensor:
        """Normalised pictures [N, 3, S, S] -> vectors [N, W]."""
        patches = embedded_patches(pictures, self.conv1)
        tokens = patches.to(self.positional_embedding.dtype) + self.positional_embedding
        blocks: Any = self.transformer.resblocks
        for block in blocks:
            tokens = through(block, tokens)
        vectors: Tensor = self.head(self.ln_post(tokens))
        return vectors

    def compute_in_bf16(self) -> None:
        """Round the weights of the layers' matrix products to bf16, in place."""
        round_products(self.conv1, self.transformer)


class MapHead(nn.Module):
    """What a learned ``probe`` sees in all tokens, then a perceptron (Lee et al. 2019)."""

    def __init__(self, width: int, heads: int, layers: nn.Module, eps: float) -> None:
        super().__init__()
        self.probe = nn.Parameter(torch.empty(width))
        self.attention = nn.MultiheadAttention(width, heads)
        self.norm = nn.LayerNorm(width, eps=eps)
        self.mlp = layers

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens [N, L, W] -> vectors [N, W].

        There is one query, the same for all pictures, so that no keys and values of single tokens
        are needed: q . (K x + b) = (K^T q) . x + const, and sum(w V x) = V sum(w x).
        """
        attention = self.attention
        heads = attention.num_heads
        queries, keys, values = attention.in_proj_weight.unflatten(0, (3, heads, -1))  # [H, D, W]
        q_bias, _, v_bias = attention.in_proj_bias.unflatten(0, (3, heads, -1))  # [H, D]
        query = (queries @ self.probe + q_bias) * queries.shape[1] ** -0.5
        wanted = torch.einsum("hd,hdw->hw", query, keys)
        weights = (tokens @ wanted.T).softmax(1)  # [N, L, H]
        seen = weights.mT @ tokens  # [N, H, W]
        vectors = torch.einsum("nhw,hdw->nhd", seen, values) + v_bias
        seen = F.linear(vectors.flatten(1), attention.out_proj.weight, attention.out_proj.bias)
        return seen + mlp(self.mlp, self.norm(seen))
