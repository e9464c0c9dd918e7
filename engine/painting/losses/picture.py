"""Losses of the picture itself, not of its cutouts, for pictures [B, 3, H, W] in 0..1."""

from __future__ import annotations

from torch import Tensor


def smoothness_loss(picture: Tensor, weight: float) -> Tensor:
    """``weight`` times the total variation of pictures [B, 3, H, W] (Rudin et al. 1992).

    The mean absolute difference of horizontal neighbours plus that of vertical ones. It flattens
    areas that no prompt describes and keeps edges sharp. Not in the paper; docs/drawn-models.md
    has figures.
    """
    across, down = picture.diff(dim=-1).abs().mean(), picture.diff(dim=-2).abs().mean()
    return weight * (across + down)
