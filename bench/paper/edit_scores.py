"""What an edit changed, measured from its pixels, since the judges know neither colour nor weather.

A measure maps a picture [3, H, W] in 0..1 to a number, in 255ths.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

_LUMINANCE = (0.2126, 0.7152, 0.0722)


def luminance(picture: Tensor) -> Tensor:
    """The luminance [H, W] of [3, H, W], by Rec. 709's weights."""
    return torch.einsum("chw,c->hw", picture, picture.new_tensor(_LUMINANCE))


def gradients(picture: Tensor) -> Tensor:
    """How steep the luminance is, [H - 1, W - 1]."""
    light = luminance(picture)
    down, right = light[1:, :-1] - light[:-1, :-1], light[:-1, 1:] - light[:-1, :-1]
    return (down**2 + right**2).sqrt()


def _excess(channel: int) -> Callable[[Tensor], Tensor]:
    def excess(picture: Tensor) -> Tensor:
        others = (picture.sum(0) - picture[channel]) / 2
        return (picture[channel] - others).mean()

    return excess


MEASURES: dict[str, Callable[[Tensor], Tensor]] = {
    "red": _excess(0),  # more than the mean of the other two channels
    "green": _excess(1),
    "brown": lambda picture: (picture[0] - picture[2]).mean(),
    "colour": lambda picture: (picture.amax(0) - picture.amin(0)).mean(),
    "brightness": lambda picture: luminance(picture).mean(),
    "contrast": lambda picture: luminance(picture).std(),
    # A blurred edge has the same mean gradient as a sharp one, but a smaller mean square.
    "sharpness": lambda picture: gradients(picture).square().mean().sqrt(),
}


def measured(name: str, picture: Tensor) -> float:
    """A measure of [3, H, W] in 0..1, in 255ths."""
    return float(MEASURES[name](picture) * 255)


def structure(before: Tensor, after: Tensor) -> float:
    """The correlation of where two pictures [3, H, W] have edges.

    It is 1 for the same, and about 0 for two that have nothing to do with each other.
    The gradients are averaged over 8 x 8 pixels, a token of the included model, since an edge that
    moved by a pixel is still the same edge.
    """
    fields = [F.avg_pool2d(gradients(each)[None, None], 8).flatten() for each in (before, after)]
    return float(torch.corrcoef(torch.stack(fields))[0, 1])
