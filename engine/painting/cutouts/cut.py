"""The cutouts of a picture, from the numbers of an iteration."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from engine.painting import host
from engine.painting.cutouts.augmentations import augment
from engine.painting.cutouts.numbers import Cutouts
from engine.painting.cutouts.pooling import pooled
from engine.painting.cutouts.resample import crops
from engine.painting.cutouts.views import Views, seen_in


def cut(picture: Tensor, cutouts: Cutouts, resolution: int) -> Tensor:
    """``picture`` [1, 3, H, W] in 0..1 -> the cutouts [N, 3, S, S], differentiable.

    They are in 0..1 if ``cutouts.clamped``. ``resolution`` is S, in pixels. Of B pictures
    [B, 3, H, W], each gives N / B cutouts, in order; none depends on its neighbours.
    """
    if cutouts.views is not None:
        return _cut_views(picture, cutouts, cutouts.views, resolution)
    # In half precision, boxes and warps would be off by pixels.
    picture = picture.to(torch.promote_types(picture.dtype, torch.float32))
    box, cutouts = cutouts.box, cutouts.to(picture.device, picture.dtype)
    if cutouts.shrink == "pooled":
        parts, source = _sides(pooled(picture, resolution), cutouts.flipped)
    else:
        which, source = _different(cutouts, len(picture))
        parts = crops(picture, box[which], resolution, cutouts.flipped[which])
    return augment(parts, cutouts, source)


def _cut_views(picture: Tensor, cutouts: Cutouts, views: Views, resolution: int) -> Tensor:
    """The cutouts of each region of ``picture`` [1, 3, H, W], in order."""
    parts = []
    for region, run in views.runs():
        part, numbers = seen_in(picture, region), replace(cutouts.only(run), views=None)
        if cutouts.shrink == "pooled" and region is not None:  # it looks at no boxes
            left, top, right, bottom = region.bounds
            part = part[..., top:bottom, left:right]
        parts.append(cut(part, numbers, resolution))
    return torch.cat(parts)


def _sides(parts: Tensor, flipped: Tensor) -> tuple[Tensor, Tensor]:
    """Squares [M, 3, S, S], mirrored or not, from [B, 3, S, S], and which [N] each cutout is of."""
    each = len(flipped) // len(parts)
    every = torch.arange(len(flipped), device=parts.device)
    if host.is_readable(flipped):
        return torch.cat([parts, parts.flip(-1)]), every // each + flipped * len(parts)
    parts = parts[:, None].expand(-1, each, -1, -1, -1).flatten(0, 1)
    return torch.lerp(parts, parts.flip(-1), flipped.to(parts.dtype)[:, None, None, None]), every


def _different(cutouts: Cutouts, pictures: int) -> tuple[Tensor | slice, Tensor]:
    """Indices [M] of cutouts with different crops, and the one [N] in 0..M-1 that each has.

    Some recipes take the whole picture several times. On other devices than the CPU, comparing
    boxes would wait for the numbers, and all count as different; so do those of several pictures.
    """
    box = cutouts.box
    if pictures > 1 or not host.is_readable(box):
        return slice(None), torch.arange(len(box), device=box.device)
    rows = list(zip(cutouts.flipped.tolist(), *box.T.tolist(), strict=True))
    places = {row: i for i, row in enumerate(dict.fromkeys(rows))}
    return torch.tensor([rows.index(row) for row in places]), torch.tensor(
        [places[row] for row in rows]
    )
