"""Token lists as the text tower takes them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

VOCABULARY = 49408


def pad(tokens: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Token lists as ids [B, L], and their mask [B, L], true for tokens."""
    lengths = torch.tensor([len(each) for each in tokens])
    mask = torch.arange(int(lengths.max()))[None] < lengths[:, None]
    ids = torch.zeros(mask.shape, dtype=torch.long)
    ids[mask] = torch.tensor([token for each in tokens for token in each])
    return ids, mask
