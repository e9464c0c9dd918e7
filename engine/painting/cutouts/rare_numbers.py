"""The random numbers of augmentations that the paper does not have, drawn only if asked for."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from engine.random_numbers import Draws, Stream
from engine.request.recipe import Augmentation

_TRIES = 10
_RATIO = 4 / 3  # the largest of width to height, and of height to width


def draw_rare(augmentation: Augmentation, resolution: int, draws: Draws) -> dict[str, Any]:
    """Fields of Cutouts for the sharpness, the elastic warp and the resized crop.

    With the distributions of kornia's RandomSharpness, RandomElasticTransform and
    RandomResizedCrop; the last, which kornia applies to all cutouts or to none, is drawn for each.
    """
    n, found = augmentation.count, dict[str, Any]()
    if augmentation.resized:
        found["zoomed"] = draws.uniform(Stream.ZOOMED, (n,)) < augmentation.resized
        window = _windows(augmentation.least, n, resolution, draws)
        found["window"] = torch.where(found["zoomed"][..., None], window, _whole(window))
    if augmentation.elastic:
        found["bent"] = draws.uniform(Stream.BENT, (n,)) < augmentation.elastic
        ripple = draws.uniform(Stream.RIPPLES, (n, 2, resolution, resolution)) * 2 - 1
        found["ripple"] = ripple * found["bent"][..., None, None, None]
        found["alpha"] = augmentation.alpha
    if augmentation.sharpness:
        found["sharpened"] = draws.uniform(Stream.SHARPENED, (n,)) < augmentation.sharpness
        blend = draws.uniform(Stream.BLENDS, (n,)) * augmentation.blend
        found["blend"] = torch.where(found["sharpened"], blend, torch.ones_like(blend))
    return found


def _windows(least: float, n: int, side: int, draws: Draws) -> Tensor:
    """Windows [..., N, 4] of whole pixels, in fractions: the first of ten tries that fits.

    Their area is uniform from the share ``least`` to all, their ratio log-uniform up to 4:3. If
    none fits, it is the whole cutout.
    """
    area, ratio = draws.uniform(Stream.WINDOWS, (n, _TRIES, 2)).unbind(-1)
    area = (least + (1 - least) * area) * side**2
    ratio = ((ratio * 2 - 1) * math.log(_RATIO)).exp()
    width, height = (area * ratio).sqrt().round(), (area / ratio).sqrt().round()
    fits = (width > 0) & (width <= side) & (height > 0) & (height <= side)
    first = fits & (fits.cumsum(-1) == 1)
    none = ~fits.any(-1)
    width, height = ((each * first).sum(-1) + none * side for each in (width, height))
    right, down = draws.uniform(Stream.WINDOW_PLACES, (n, 2)).unbind(-1)
    left, top = (right * (side - width + 1)).floor(), (down * (side - height + 1)).floor()
    return torch.stack([left, top, width, height], dim=-1) / side


def _whole(window: Tensor) -> Tensor:
    """The windows that show all."""
    result = torch.zeros_like(window)
    result[..., 2:].fill_(1)
    return result
