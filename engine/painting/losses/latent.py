"""Losses of the latent."""

from __future__ import annotations

from torch import Tensor


def regulariser_loss(z: Tensor, anchor: Tensor | None, alpha: float | Tensor) -> Tensor:
    """alpha * mean((z - anchor)^2) over all elements; without an anchor, alpha * mean(z^2)."""
    difference = z if anchor is None else z - anchor
    return alpha * difference.square().mean()
