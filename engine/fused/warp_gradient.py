"""The gradient of cutouts that were sampled at other places, in one kernel.

Each sampled pixel adds its gradient to the four that it was made of. A GPU adds in any order, so
the summands are whole numbers, as in engine.painting.cutouts.fixed_point.
"""

from __future__ import annotations

import triton
import triton.language as tl
from torch import Tensor

from engine.fused.choosing import OPTIONS

_BLOCK = 256  # pixels in a program


def scatter(gradient: Tensor, grid: Tensor, scale: Tensor, total: Tensor, padding: int) -> None:
    """Add ``gradient`` [N, C, S, S] to ``total`` [N, C, S * S], at the pixels that it is of.

    They are multiplied by ``scale`` [N, 1, 1] (float64) and rounded, for sums in int64. ``grid``
    [N, S, S, 2] are the places in -1..1 that were sampled, and ``padding`` 0, 1 or 2 what was seen
    outside: nothing, the border, or a reflection (grid_sample's numbers).
    """
    count, channels, side, _ = gradient.shape
    programs = triton.cdiv(side * side, _BLOCK)
    _scatter[(programs, count)](
        gradient.contiguous(),
        grid.contiguous(),
        scale.contiguous(),
        total,
        side=side,
        channels=channels,
        padding=padding,
        block=_BLOCK,
        **OPTIONS,
    )


@triton.jit
def _scatter(
    gradient,
    grid,
    scale,
    total,
    side: tl.constexpr,
    channels: tl.constexpr,
    padding: tl.constexpr,
    block: tl.constexpr,
):
    cutout = tl.program_id(1).to(tl.int64)
    pixel = tl.program_id(0) * block + tl.arange(0, block)
    there = pixel < side * side
    place = grid + (cutout * (side * side) + pixel) * 2
    x = _in_pixels(tl.load(place, mask=there, other=0.0), side, padding)
    y = _in_pixels(tl.load(place + 1, mask=there, other=0.0), side, padding)
    left, top = tl.floor(x), tl.floor(y)
    factor = tl.load(scale + cutout)
    for corner in tl.static_range(4):
        column, row = left + corner % 2, top + corner // 2
        weight = (1 - tl.abs(x - column)) * (1 - tl.abs(y - row))
        inside = (column >= 0) & (column < side) & (row >= 0) & (row < side) & there
        index = tl.where(inside, row * side + column, 0.0).to(tl.int32)
        for channel in tl.static_range(channels):
            start = (cutout * channels + channel) * (side * side)
            part = tl.load(gradient + start + pixel, mask=there, other=0.0) * weight
            whole = tl.floor(part.to(tl.float64) * factor + 0.5).to(tl.int64)
            tl.atomic_add(total + start + index, whole, mask=inside, sem="relaxed")


@triton.jit
def _in_pixels(place, side: tl.constexpr, padding: tl.constexpr):
    """A place in -1..1 in pixels."""
    place = ((place + 1) * side - 1) / 2
    if padding == 2:
        place = place + 0.5
        place = place - tl.floor(place / (2 * side)) * (2 * side)
        place = tl.minimum(place, 2 * side - place) - 0.5
    if padding != 0:
        place = tl.minimum(tl.maximum(place, 0.0), side - 1.0)
    return place
