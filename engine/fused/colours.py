"""Saturation, hue, noise and the clamp of cutouts, and their gradient, in one kernel each.

The formulas are those of engine.painting.cutouts: ``colours.py`` has where they come from.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor

from engine.fused.choosing import OPTIONS

_BLOCK = 512  # pixels in a program


class Changes(NamedTuple):
    """What changes cutouts [N, 3, S, S], all in their precision; None for nothing.

    ``colours`` [N, 3] are the factor of the saturation, the turn of the hue in sixths of the
    circle, and whether the cutout is changed so (1) or not (0). ``rectangle`` [N, 4] is erased:
    left, top, right, bottom in pixels. ``deviation`` [N] multiplies the noise ``grain``
    [N, 3, S, S]. ``clamped`` says whether cutouts are clamped to 0..1 at the end.
    """

    colours: Tensor | None
    rectangle: Tensor | None
    deviation: Tensor | None
    grain: Tensor | None
    clamped: bool


def change(x: Tensor, changes: Changes) -> Tensor:
    """The changed cutouts."""
    return _run(x, x, changes, backward=False)


def gradient_of_change(x: Tensor, slope: Tensor, changes: Changes) -> Tensor:
    """The gradient of ``x`` from ``slope``, that of what :func:`change` returns."""
    return _run(x, slope, changes, backward=True)


def _run(x: Tensor, slope: Tensor, changes: Changes, *, backward: bool) -> Tensor:
    x, slope = x.contiguous(), slope.contiguous()
    count, _, side, _ = x.shape
    result = torch.empty_like(x)

    def given(tensor: Tensor | None) -> Tensor:
        if tensor is None:
            return x  # a kernel takes tensors only; it does not read this one
        return tensor.contiguous()

    _change[(triton.cdiv(side * side, _BLOCK), count)](
        x,
        slope,
        result,
        given(changes.colours),
        given(changes.rectangle),
        given(changes.deviation),
        given(changes.grain),
        side=side,
        coloured=changes.colours is not None,
        erased=changes.rectangle is not None,
        noisy=changes.grain is not None,
        clamped=changes.clamped,
        backward=backward,
        block=_BLOCK,
        **OPTIONS,
    )
    return result


@triton.jit
def _change(
    x,
    slope,
    result,
    colours,
    rectangle,
    deviation,
    grain,
    side: tl.constexpr,
    coloured: tl.constexpr,
    erased: tl.constexpr,
    noisy: tl.constexpr,
    clamped: tl.constexpr,
    backward: tl.constexpr,
    block: tl.constexpr,
):
    cutout = tl.program_id(1).to(tl.int64)
    pixel = tl.program_id(0) * block + tl.arange(0, block)
    there = pixel < side * side
    start = cutout * (3 * side * side) + pixel
    red, green, blue = _load(x + start, there, side)
    new_red, new_green, new_blue = red, green, blue
    saturation, turn, chosen = 1.0, 0.0, 0.0
    if coloured:
        saturation = tl.load(colours + cutout * 3)
        turn = tl.load(colours + cutout * 3 + 1)
        chosen = tl.load(colours + cutout * 3 + 2)
        r, g, b = _turned(_clamped(red), _clamped(green), _clamped(blue), saturation, turn)
        new_red, new_green = _between(red, r, chosen), _between(green, g, chosen)
        new_blue = _between(blue, b, chosen)
    kept = tl.full([block], 1.0, red.dtype)
    if erased:
        kept = _outside(rectangle + cutout * 4, pixel, side).to(red.dtype)
        new_red, new_green, new_blue = new_red * kept, new_green * kept, new_blue * kept
    if noisy:
        strength = tl.load(deviation + cutout)
        r, g, b = _load(grain + start, there, side)
        new_red, new_green = new_red + r * strength, new_green + g * strength
        new_blue += b * strength
    if not backward:
        if clamped:
            new_red, new_green, new_blue = (
                _clamped(new_red),
                _clamped(new_green),
                _clamped(new_blue),
            )
        _store(result + start, new_red, new_green, new_blue, there, side)
    else:
        r, g, b = _load(slope + start, there, side)
        if clamped:
            r, g, b = _inwards(r, new_red), _inwards(g, new_green), _inwards(b, new_blue)
        r, g, b = r * kept, g * kept, b * kept
        if coloured:
            of_red, of_green, of_blue = _gradient_of_turn(
                _clamped(red), _clamped(green), _clamped(blue), r, g, b, saturation, turn
            )
            r = _between(r, _inwards(of_red, red), chosen)
            g = _between(g, _inwards(of_green, green), chosen)
            b = _between(b, _inwards(of_blue, blue), chosen)
        _store(result + start, r, g, b, there, side)


@triton.jit
def _load(at, there, side: tl.constexpr):
    """Three channels, from that of the first on."""
    red = tl.load(at, mask=there, other=0.0)
    green = tl.load(at + side * side, mask=there, other=0.0)
    return red, green, tl.load(at + 2 * side * side, mask=there, other=0.0)


@triton.jit
def _store(at, red, green, blue, there, side: tl.constexpr):
    tl.store(at, red, mask=there)
    tl.store(at + side * side, green, mask=there)
    tl.store(at + 2 * side * side, blue, mask=there)


@triton.jit
def _outside(rectangle, pixel, side: tl.constexpr):
    """1 outside the rectangle and 0 inside."""
    across, down = pixel % side + 0.5, pixel // side + 0.5
    inside = (across >= tl.load(rectangle)) & (across < tl.load(rectangle + 2))
    inside &= (down >= tl.load(rectangle + 1)) & (down < tl.load(rectangle + 3))
    return tl.where(inside, 0.0, 1.0)


@triton.jit
def _between(old, new, chosen):
    """``old`` where ``chosen`` is 0, ``new`` where it is 1."""
    return old + (new - old) * chosen


@triton.jit
def _clamped(x):
    return tl.minimum(tl.maximum(x, 0.0), 1.0)


@triton.jit
def _inwards(slope, x):
    """The gradient of a clamp of ``x`` that lets pass what leads back into 0..1."""
    return tl.where(slope * (x - _clamped(x)) >= 0, slope, 0.0)


@triton.jit
def _order(r, g, b):
    """The largest and smallest channel, which ones they are, and if the middle one follows."""
    most = tl.maximum(r, tl.maximum(g, b))
    least = tl.minimum(r, tl.minimum(g, b))
    middle = tl.maximum(tl.minimum(g, b), tl.minimum(r, tl.maximum(g, b)))
    rg, gb, rb = r >= g, g >= b, r >= b
    red_most, green_most = rg & rb, (r < g) & gb
    blue_most = (r < b) & (g < b)
    red_least, green_least = (r < g) & (r < b), rg & (g < b)
    blue_least = rb & gb
    even = (red_most & blue_least) | (green_most & red_least) | (blue_most & green_least)
    return (
        most,
        least,
        middle,
        red_most,
        green_most,
        blue_most,
        red_least,
        green_least,
        blue_least,
        even,
    )


@triton.jit
def _moved(channel, is_most, is_least, of_most, of_middle, of_least):
    return channel + of_middle - tl.where(is_most, of_most, 0.0) - tl.where(is_least, of_least, 0.0)


@triton.jit
def _turned(r, g, b, saturation, turn):
    """Channels in 0..1 with another saturation and hue."""
    most, least, middle, rm, gm, bm, rl, gl, bl, even = _order(r, g, b)
    spread = most - least
    shift = tl.where(even, turn, -turn) * spread
    over = tl.maximum(middle + shift - most, 0.0)
    under = tl.maximum(least - (middle + shift), 0.0)
    of_most, of_least = shift + under, shift - over
    of_middle = of_most - over
    ratio = tl.minimum((most + 1e-8) / (spread + 1e-8), saturation)
    red = _moved(r, rm, rl, of_most, of_middle, of_least)
    green = _moved(g, gm, gl, of_most, of_middle, of_least)
    blue = _moved(b, bm, bl, of_most, of_middle, of_least)
    return most + (red - most) * ratio, most + (green - most) * ratio, most + (blue - most) * ratio


@triton.jit
def _gradient_of_turn(r, g, b, of_red, of_green, of_blue, saturation, turn):
    """The gradient of :func:`_turned`."""
    most, least, middle, rm, gm, bm, rl, gl, bl, even = _order(r, g, b)
    spread = most - least
    factor = tl.where(even, turn, -turn)
    shift = factor * spread
    over = middle + shift - most
    under = least - (middle + shift)
    ratio = tl.minimum((most + 1e-8) / (spread + 1e-8), saturation)
    red, green, blue = _turned(r, g, b, saturation, turn)

    whole = of_red + of_green + of_blue
    to_most = whole - whole * ratio
    # Where the ratio depends on the pixel, as its smallest channel is 0 afterwards.
    distances = (red - most) * of_red + (green - most) * of_green + (blue - most) * of_blue
    of_ratio = distances / tl.maximum(ratio, 1e-8) / (spread + 1e-8)
    of_ratio = tl.where(ratio < saturation, of_ratio, 0.0)
    to_most += of_ratio
    to_spread = -of_ratio * ratio

    a, c, d = of_red * ratio, of_green * ratio, of_blue * ratio
    whole = a + c + d
    at_most = tl.where(rm, a, 0.0) + tl.where(gm, c, 0.0) + tl.where(bm, d, 0.0)
    at_least = tl.where(rl, a, 0.0) + tl.where(gl, c, 0.0) + tl.where(bl, d, 0.0)
    beyond = tl.where(over > 0, whole - at_least, 0.0)
    below = tl.where(under > 0, whole - at_most, 0.0)
    to_middle = whole - at_most - at_least - beyond - below
    to_spread += factor * to_middle
    to_top = at_most + beyond + to_most + to_spread - to_middle
    to_bottom = at_least + below - to_spread - to_middle
    red = to_middle + tl.where(rm, to_top, 0.0) + tl.where(rl, to_bottom, 0.0)
    green = to_middle + tl.where(gm, to_top, 0.0) + tl.where(gl, to_bottom, 0.0)
    blue = to_middle + tl.where(bm, to_top, 0.0) + tl.where(bl, to_bottom, 0.0)
    return red, green, blue
