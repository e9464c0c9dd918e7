"""SigLIP's two towers (Zhai et al. 2023; SigLIP 2: Tschannen et al. 2025), untrained."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from engine.models.kernels.perceptron import Gelu
from engine.models.packages import clip_model
from engine.models.perceptors.picture_tower.map_transformer import MapHead, MapTransformer
from engine.models.state_dict import Uninitialised


@dataclass(frozen=True)
class TowerSizes:
    """The sizes of one tower; ``length`` is its number of tokens."""

    width: int
    layers: int
    hidden: int
    length: int
    heads: int
    gelu: Gelu
    eps: float


@dataclass(frozen=True)
class SiglipSizes:
    """Both towers; ``patch`` in pixels, ``vocabulary`` the number of tokens, ``width`` D."""

    picture: TowerSizes
    text: TowerSizes
    patch: int
    resolution: int
    vocabulary: int
    width: int


class SiglipText(nn.Module):
    """Every token attends to every other, padding too; the vector is the last token's."""

    def __init__(self, sizes: SiglipSizes) -> None:
        super().__init__()
        own = sizes.text
        self.token_embedding = nn.Embedding(sizes.vocabulary, own.width)
        self.positional_embedding = nn.Parameter(torch.empty(own.length, own.width))
        self.transformer = _transformer(own)
        self.ln_final = nn.LayerNorm(own.width, eps=own.eps)
        self.text_projection = nn.Linear(own.width, sizes.width)

    def forward(self, ids: Tensor) -> Tensor:
        """Token rows [B, length] -> vectors [B, D]."""
        tokens = self.token_embedding(ids) + self.positional_embedding
        tokens = self.transformer(tokens.transpose(0, 1))[-1]
        vectors: Tensor = self.text_projection(self.ln_final(tokens))
        return vectors


class SiglipNetworks(nn.Module):
    """Both towers, and the two numbers t and b of sigmoid(exp(t) u.v + b)."""

    def __init__(self, sizes: SiglipSizes) -> None:
        super().__init__()
        own = sizes.picture
        with Uninitialised():
            conv = nn.Conv2d(3, own.width, sizes.patch, sizes.patch)
            head = MapHead(own.width, own.heads, _mlp(own), own.eps)
            self.visual = MapTransformer(conv, own.length, _transformer(own), head)
            self.text = SiglipText(sizes)
        self.logit_scale = nn.Parameter(torch.zeros(()))
        self.logit_bias = nn.Parameter(torch.zeros(()))


def _transformer(sizes: TowerSizes) -> Any:
    """The package's layers, with other perceptrons and another epsilon."""
    transformer = clip_model().Transformer(sizes.width, sizes.layers, sizes.heads)
    for block in transformer.resblocks:
        block.mlp = _mlp(sizes)
        block.ln_1.eps = block.ln_2.eps = sizes.eps
    return transformer


def _mlp(sizes: TowerSizes) -> nn.Sequential:
    gelu = clip_model().QuickGELU() if sizes.gelu == "quick" else nn.GELU(sizes.gelu)
    return nn.Sequential(
        OrderedDict(
            c_fc=nn.Linear(sizes.width, sizes.hidden),
            gelu=gelu,
            c_proj=nn.Linear(sizes.hidden, sizes.width),
        )
    )
