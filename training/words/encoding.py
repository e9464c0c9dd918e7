"""Vectors of prompts, several of which may be added with a plus."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.models import Perceptor
from training.world.prompts import PLUS


def encode_prompts(perceptor: Perceptor, prompts: list[str]) -> Tensor:
    """Unit vectors [N, D] of the prompts; of added ones, the normalised mean of their vectors."""
    vectors, owners = encode_parts(perceptor, prompts)
    sums = vectors.new_zeros(len(prompts), vectors.shape[1]).index_add(0, owners, vectors)
    return torch.nn.functional.normalize(sums, dim=1)


def encode_parts(perceptor: Perceptor, prompts: list[str]) -> tuple[Tensor, Tensor]:
    """Unit vectors [P, D] of the prompts' parts, and which prompt each part belongs to [P]."""
    parts = [prompt.split(PLUS) for prompt in prompts]
    rows = [perceptor.tokenize(text).ids for each in parts for text in each]
    owners = torch.arange(len(parts)).repeat_interleave(torch.tensor([len(p) for p in parts]))
    return _encode_rows(perceptor, torch.stack(rows)), owners


def _encode_rows(perceptor: Perceptor, rows: Tensor) -> Tensor:
    """The rows' vectors, those of similar length together, cut to the longest of them."""
    lengths = (rows != 0).sum(1)
    order = lengths.argsort()
    vectors = [
        perceptor.encode_tokens(rows[some, : int(lengths[some].max())]) for some in order.split(64)
    ]
    return torch.cat(vectors)[order.argsort()]
