"""What the filters of this folder are made of: blurs, grains and strokes, on [S, S, 3] in 0..1."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

Floats = NDArray[Any]
_LIGHTNESS = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)  # Rec. 709


def light(picture: Floats) -> Floats:
    """The lightness of each pixel, [S, S]."""
    lightness: Floats = picture @ _LIGHTNESS
    return lightness


def spread_out(grey: Floats) -> Floats:
    """``grey`` so that 3% are black and 3% white."""
    low, high = np.percentile(grey, (3, 97))
    spread: Floats = ((grey - low) / max(0.08, high - low)).clip(0, 1).astype(np.float32)
    return spread


def blur(picture: Floats, deviation: float) -> Floats:
    """A Gaussian blur of [S, S] or [S, S, C], mirrored at the borders."""
    reach = max(1, min(len(picture) // 2 - 1, math.ceil(2.5 * deviation)))
    kernel = _gaussian(deviation, reach)
    planes = torch.from_numpy(np.atleast_3d(picture).astype(np.float32)).permute(2, 0, 1)[:, None]
    planes = F.conv2d(F.pad(planes, (reach,) * 4, mode="reflect"), kernel.view(1, 1, 1, -1))
    planes = F.conv2d(planes, kernel.view(1, 1, -1, 1))
    out: Floats = planes[:, 0].permute(1, 2, 0).numpy().reshape(picture.shape)
    return out


def _gaussian(deviation: float, reach: int) -> Tensor:
    """A Gaussian's values at whole pixels up to ``reach``, [2 * reach + 1], whose sum is 1."""
    place = torch.arange(-reach, reach + 1, dtype=torch.float32)
    kernel = (-place.square() / (2 * deviation**2)).exp()
    return kernel / kernel.sum()


def grain(side: int, size: float, rng: np.random.Generator) -> Floats:
    """Random numbers of variance about 1 that change over ``size`` pixels, [side, side]."""
    cells = max(2, round(side / size))
    coarse = torch.from_numpy(rng.standard_normal((1, 1, cells, cells)).astype(np.float32))
    return F.interpolate(coarse, (side, side), mode="bicubic")[0, 0].numpy()


def strokes(
    side: int, width: float, length: float, angle: float, rng: np.random.Generator
) -> Floats:
    """Random numbers of variance 1 drawn out along ``angle`` (radians), [side, side]."""
    wide = math.ceil(side * 1.5)
    noise = torch.from_numpy(rng.standard_normal((1, 1, wide, wide)).astype(np.float32))
    across, along = (max(0.4, width), max(1.0, length))
    for deviation, axis in ((across, 2), (along, 3)):
        reach = math.ceil(2.5 * deviation)
        kernel = _gaussian(deviation, reach)
        shape = (1, 1, -1, 1) if axis == 2 else (1, 1, 1, -1)
        pad = (0, 0, reach, reach) if axis == 2 else (reach, reach, 0, 0)
        noise = F.conv2d(F.pad(noise, pad, mode="circular"), kernel.view(shape))
    cos, sin = math.cos(angle) * side / wide, math.sin(angle) * side / wide
    turn = torch.tensor([[[cos, -sin, 0.0], [sin, cos, 0.0]]])
    grid = F.affine_grid(turn, [1, 1, side, side], align_corners=False)
    turned = F.grid_sample(
        noise, grid, mode="bilinear", padding_mode="reflection", align_corners=False
    )
    out = turned[0, 0].numpy()
    return (out - out.mean()) / (out.std() + 1e-6)


def slope(picture: Floats) -> tuple[Floats, Floats]:
    """How steep the lightness is, [S, S], and the direction of its lines in radians."""
    down, across = np.gradient(light(picture) if picture.ndim == 3 else picture)
    return np.hypot(down, across).astype(np.float32), np.arctan2(down, across).astype(np.float32)


def outlines(picture: Floats, deviation: float) -> Floats:
    """Where colours change within about ``deviation`` pixels, [S, S] in 0..1."""
    soft = blur(picture, deviation)
    steps = np.stack([np.hypot(*np.gradient(soft[..., channel])) for channel in range(3)]).max(0)
    strong = steps * deviation * 4
    return np.minimum(1.0, strong / (np.percentile(strong, 98) * 0.7 + 0.12)).astype(np.float32)


def saturated(picture: Floats, times: float) -> Floats:
    """``picture`` with ``times`` the saturation."""
    grey = light(picture)[..., None]
    return (grey + (picture - grey) * times).clip(0, 1).astype(np.float32)


def smooth_regions(picture: Floats, reach: int) -> Floats:
    """Each pixel as the calmest of the four squares that meet in it (Kuwahara 1976)."""
    size = reach + 1
    planes = torch.from_numpy(picture).permute(2, 0, 1)[None]
    padded = F.pad(planes, (reach,) * 4, mode="reflect")
    mean = F.avg_pool2d(padded, size, 1)
    grey = torch.from_numpy(light(picture))[None, None]
    padded = F.pad(grey, (reach,) * 4, mode="reflect")
    spread = F.avg_pool2d(padded.square(), size, 1) - F.avg_pool2d(padded, size, 1).square()
    side = picture.shape[0]
    corners = [(0, 0), (0, reach), (reach, 0), (reach, reach)]
    means = torch.stack([mean[0, :, y : y + side, x : x + side] for y, x in corners])
    spreads = torch.stack([spread[0, 0, y : y + side, x : x + side] for y, x in corners])
    calmest = spreads.argmin(0)[None, None].expand(1, 3, side, side)
    return means.gather(0, calmest)[0].permute(1, 2, 0).numpy()


def nearest_of(points: Floats, side: int) -> tuple[NDArray[np.int64], Floats]:
    """For each pixel [S, S] the nearest of ``points`` [N, 2], and how much farther the next is."""
    axis = torch.arange(side, dtype=torch.float32)
    pixels = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), -1).view(-1, 2)
    distance, which = torch.cdist(pixels, torch.from_numpy(points)).topk(2, largest=False)
    gap = (distance[:, 1] - distance[:, 0]).view(side, side).numpy()
    return which[:, 0].view(side, side).numpy(), gap


def mean_of_each(picture: Floats, cells: NDArray[np.int64]) -> Floats:
    """``picture`` with each cell of one colour, its mean."""
    number = int(cells.max()) + 1
    flat = cells.ravel()
    counts = np.bincount(flat, minlength=number).clip(1)
    means = [np.bincount(flat, picture[..., c].ravel(), number) / counts for c in range(3)]
    return np.stack(means, -1).astype(np.float32)[cells]


def hues(angle: Floats) -> Floats:
    """Pure colours [..., 3] of hues in radians."""
    shifted = angle[..., None] + np.array([0.0, 2.0944, 4.1888], dtype=np.float32)
    return (0.5 + 0.75 * np.cos(shifted)).clip(0, 1).astype(np.float32)
