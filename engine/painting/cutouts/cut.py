"""The cutouts of a picture, from the numbers of an iteration."""

from __future__ import annotations

from torch import Tensor

from engine.painting.cutouts.augmentations import affine, erase, flip, jitter, perspective
from engine.painting.cutouts.numbers import Cutouts
from engine.painting.cutouts.resample import crops, pooled
from engine.painting.losses import clamp_with_gradient


def cut(picture: Tensor, cutouts: Cutouts, resolution: int) -> Tensor:
    """``picture`` [1, 3, H, W] in 0..1 -> the cutouts [N, 3, S, S], differentiable.

    They are in 0..1 if ``cutouts.clamped``. ``resolution`` is S, in pixels. The order is that of
    the authors' notebook. N pictures [N, 3, H, W] give one cutout each.
    """
    cutouts = cutouts.to(picture.device, picture.dtype)
    if cutouts.shrink == "pooled":
        cut_out = pooled(picture, len(cutouts.box), resolution)
    else:
        cut_out = crops(picture, cutouts.box, resolution)
    for augmentation in (flip, affine, perspective, jitter, erase):
        cut_out = augmentation(cut_out, cutouts)
    if cutouts.grain is not None:
        cut_out = cut_out + cutouts.noise[:, None, None, None] * cutouts.grain
    # The authors' MakeCutouts ends in this clamp, too: a plain one halves the gradient where the
    # picture is black or white.
    return clamp_with_gradient(cut_out) if cutouts.clamped else cut_out
