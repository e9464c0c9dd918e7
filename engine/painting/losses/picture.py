"""Losses of the picture itself, not of its cutouts, for pictures [B, 3, H, W] in 0..1."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

_TINY = 1e-8
_BORDER = 0.05  # of the picture's sides


def smoothness_loss(picture: Tensor, weight: float) -> Tensor:
    """``weight`` times the total variation of pictures [B, 3, H, W] (Rudin et al. 1992).

    The mean absolute difference of horizontal neighbours plus that of vertical ones. It flattens
    areas that no prompt describes and keeps edges sharp. Not in the paper; docs/drawn-models.md
    has figures.
    """
    across, down = picture.diff(dim=-1).abs().mean(), picture.diff(dim=-2).abs().mean()
    return weight * (across + down)


def saturation_loss(picture: Tensor, weight: float) -> Tensor:
    """-``weight`` times the colourfulness of pictures (Hasler and Suesstrunk 2003, section 7).

    The standard deviation of the opponent colours red - green and (red + green) / 2 - blue plus
    0.3 times the length of their mean, as in pixray's SaturationLoss, which has a tenth of it, of
    the cutouts.
    """
    red, green, blue = picture.unbind(1)
    colours = torch.stack([red - green, (red + green) / 2 - blue]).flatten(1)
    # A picture of one tone has no deviation, where the root's gradient would be infinite.
    deviation = (colours.var(dim=1, unbiased=False).sum() + _TINY).sqrt()
    mean = (colours.mean(dim=1).square().sum() + _TINY).sqrt()
    return -weight * (deviation + 0.3 * mean)


def symmetry_loss(picture: Tensor, axes: Sequence[int], weight: float) -> Tensor:
    """``weight`` times the mean squared difference from the mirrored picture, over ``axes``.

    -1 mirrors left and right, as in pixray's SymmetryLoss, and -2 top and bottom; of both it is the
    mean.
    """
    differences = [(picture - picture.flip(axis)).square().mean() for axis in axes]
    return weight * torch.stack(differences).mean()


def palette_loss(picture: Tensor, colours: Tensor, weight: float) -> Tensor:
    """``weight`` times the mean distance of pixels from the nearest of ``colours`` [K, 3].

    The Euclidean distance in red, green and blue, as in pixray's PaletteLoss, which has a tenth of
    the sum over its cutouts. Which colour is the nearest has no gradient.
    """
    pixels = picture.detach()
    wanted = nearest = torch.full_like(pixels[:, :1], torch.inf)
    # One after the other: all distances at once would need as much memory as K pictures.
    for colour in colours[:, :, None, None]:
        away = (pixels - colour).square().sum(dim=1, keepdim=True)
        wanted = torch.where(away < nearest, colour, wanted)
        nearest = torch.minimum(away, nearest)
    distance: Tensor = (picture - wanted).norm(dim=1)
    return weight * distance.mean()


def edge_loss(picture: Tensor, colour: Tensor | None, weight: float) -> Tensor:
    """``weight`` times the mean squared difference of the border from ``colour`` [3].

    The border is 5% of the picture on each side, as in pixray's EdgeLoss, which adds up its sides'
    means, and a little of the whole picture's. Without a colour it is the border's own mean: then
    nothing is painted there.
    """
    height, width = picture.shape[-2:]
    down, across = (max(1, int(side * _BORDER)) for side in (height, width))
    sides = [
        picture[..., :down, :],
        picture[..., height - down :, :],
        picture[..., down : height - down, :across],
        picture[..., down : height - down, width - across :],
    ]
    border = torch.cat([side.flatten(2) for side in sides], dim=2)
    wanted = border.mean(dim=2, keepdim=True) if colour is None else colour[:, None]
    return weight * (border - wanted).square().mean()
