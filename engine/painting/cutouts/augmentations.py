"""What happens to cutouts after they are cut out, as by kornia's modules (paper, section 2.3)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from engine.painting import host
from engine.painting.cutouts.colours import Brightness, Colour, Contrast
from engine.painting.cutouts.finishing import Finishing
from engine.painting.cutouts.numbers import BRIGHTNESS, CONTRAST, HUE, SATURATION, Cutouts
from engine.painting.cutouts.steps import Chain, Chosen, Clamp, Erase, Noise, Sharpness, Step
from engine.painting.cutouts.warps import (
    Elastic,
    Sampled,
    Warp,
    affine_warp,
    perspective_warp,
    window_warp,
)

_PIECE = 2 * 224 * 224  # pixels of cutouts that a processor's cache holds with what is made of them


def augment(crops: Tensor, cutouts: Cutouts, source: Tensor) -> Tensor:
    """Crops [M, 3, S, S] -> the cutouts [N, 3, S, S], augmented by the numbers ``cutouts``.

    ``source`` [N] says which crop each cutout is of; except on the CPU, it has to be a different
    one. The order is that of the authors' notebook: affine and perspective warps, colours, a
    rectangle, noise, and a clamp, which the authors' MakeCutouts ends in, too: a plain one halves
    the gradient where the picture is black or white.

    All is on one device. On the CPU, cutouts skip what changes nothing in them. On others, no
    decision depends on the numbers, so that nothing has to wait for them.
    """
    pieces = list(_pieces(cutouts, source, crops))
    once = not host.is_readable(source) or sorted(source.tolist()) == list(range(len(crops)))
    result: Tensor = _Augment.apply(crops, pieces, len(cutouts.box), once)  # type: ignore[no-untyped-call]  # torch's apply is untyped
    return result


@dataclass(frozen=True)
class _Piece:
    """Cutouts that the same steps change: the crops ``source`` [n], and where they go [n]."""

    source: Tensor
    target: Tensor
    warps: Sequence[Sampled]
    rest: Finishing


class _Augment(torch.autograd.Function):
    """Crops [M, 3, S, S] -> cutouts [N, 3, S, S]; ``once`` if each crop is used exactly once."""

    @staticmethod
    def forward(
        ctx: Any, crops: Tensor, pieces: Sequence[_Piece], count: int, once: bool
    ) -> Tensor:
        result = crops.new_empty(count, *crops.shape[1:])
        warped = []
        for piece in pieces:
            part = crops.index_select(0, piece.source)
            for warp in piece.warps:
                part = warp.apply(part)
            warped.append(part)
            result.index_copy_(0, piece.target, piece.rest.apply(part))
        ctx.count, ctx.pieces, ctx.once = len(crops), pieces, once
        ctx.save_for_backward(*warped)
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        empty = gradients[0].new_empty if ctx.once else gradients[0].new_zeros
        result = empty(ctx.count, *gradients[0].shape[1:])
        put = result.index_copy_ if ctx.once else result.index_add_
        for piece, warped in zip(ctx.pieces, ctx.saved_tensors, strict=True):
            slope = piece.rest.gradient(warped, gradients[0].index_select(0, piece.target))
            for warp in reversed(piece.warps):
                slope = warp.gradient(slope)
            put(0, piece.source, slope)
        return result, None, None, None


def _pieces(cutouts: Cutouts, source: Tensor, crops: Tensor) -> Iterator[_Piece]:
    """The steps of all cutouts of ``crops``, a few at a time."""
    side, dtype = crops.shape[-1], crops.dtype
    # In double precision: sources are in fractions of a side, of which a pixel is a small part.
    angle, shear, shift = (
        each.double() for each in (cutouts.angle, cutouts.shear, cutouts.translation)
    )
    affine = affine_warp(angle, shear, shift, side).to(dtype)
    perspective = perspective_warp(cutouts.corners.double(), side).to(dtype)
    known = host.is_readable(cutouts.box)
    names = _colour_changes(cutouts)
    jittered = cutouts.jittered.to(dtype)[:, None, None, None]
    for at, happens in _groups(cutouts, max(1, _PIECE // side**2)):
        warps: list[Sampled] = []
        if happens.zoomed and cutouts.window is not None:
            window = window_warp(cutouts.window[at].double(), side).to(dtype)
            warps.append(Warp(window, "zeros"))
        if happens.turned:
            warps.append(Warp(affine[at], cutouts.padding))
        if happens.tilted:
            warps.append(Warp(perspective[at], "zeros"))
        if happens.bent and cutouts.ripple is not None:
            warps.append(Elastic(cutouts.ripple[at], cutouts.alpha))
        rest: list[Step] = []
        if happens.jittered and names:
            changes = _jitter(cutouts.colours[at], names)
            rest += [changes] if known else [Chosen(changes, jittered[at])]
        if happens.sharpened:
            rest += _sharpened(cutouts, at, known)
        if happens.erased:
            rest.append(Erase(cutouts.erase[at]))
        if cutouts.grain is not None:
            rest.append(Noise(cutouts.noise[at][:, None, None, None], cutouts.grain, at))
        if cutouts.clamped:
            rest.append(Clamp())
        yield _Piece(source[at], at, warps, Finishing(rest))


class _Happens(NamedTuple):
    """What changes a cutout."""

    turned: bool
    tilted: bool
    jittered: bool
    erased: bool
    zoomed: bool = False
    bent: bool = False
    sharpened: bool = False


def _groups(cutouts: Cutouts, size: int) -> Iterator[tuple[Tensor, _Happens]]:
    """Indices of the cutouts by what changes them, on the CPU at most ``size`` at a time.

    Elsewhere all of them at once, changed by all that is possible; a number that changes nothing is
    neutral.
    """
    rare = cutouts.zoomed, cutouts.bent, cutouts.sharpened
    if not host.is_readable(cutouts.box):
        every = torch.arange(len(cutouts.box), device=cutouts.box.device)
        drawn = cutouts.possible
        common = [True] * 4
        if drawn is not None:
            chances = (drawn.affine, drawn.perspective, drawn.jitter, drawn.erasing)
            common = [chance > 0 for chance in chances]
        yield every, _Happens(*common, *(each is not None for each in rare))
        return
    groups: dict[_Happens, list[int]] = {}
    erased = cutouts.erase.any(dim=1)
    never = torch.zeros_like(erased)
    chosen = (cutouts.turned, cutouts.tilted, cutouts.jittered, erased)
    more = (never if each is None else each for each in rare)
    for i, happens in enumerate(zip(*(each.tolist() for each in (*chosen, *more)), strict=True)):
        groups.setdefault(_Happens(*happens), []).append(i)
    for each, members in groups.items():
        for start in range(0, len(members), size):
            yield torch.tensor(members[start : start + size]), each


def _sharpened(cutouts: Cutouts, at: Tensor, known: bool) -> list[Step]:
    """kornia clamps before and after; ``known`` says that all cutouts ``at`` are sharpened."""
    assert cutouts.blend is not None
    assert cutouts.sharpened is not None
    change = Chain([Clamp(), Sharpness(cutouts.blend[at][:, None, None, None]), Clamp()])
    chosen = cutouts.sharpened[at].to(cutouts.blend.dtype)[:, None, None, None]
    return [change] if known else [Chosen(change, chosen)]


def _colour_changes(cutouts: Cutouts) -> tuple[int, ...]:
    """The columns of colours that can change a cutout, in order; the hue as often as needed.

    A turn of the hue by up to half the circle is three by a sixth, of which each step can do one.
    """
    drawn = cutouts.possible
    if host.is_readable(cutouts.box):
        neutral = cutouts.colours.new_tensor([1.0, 1.0, 1.0, 0.0])
        most = (cutouts.colours - neutral).abs().amax(dim=0).tolist()
    elif drawn is not None:
        most = [drawn.brightness, drawn.contrast, drawn.saturation, drawn.hue]
    else:
        most = [1.0, 1.0, 1.0, 0.5]
    times = [*(int(change > 0) for change in most[:HUE]), math.ceil(most[HUE] * 6 - 1e-6)]
    return tuple(column for column in cutouts.order for _ in range(times[column]))


def _jitter(colours: Tensor, changes: Sequence[int]) -> Chain:
    """The steps that make the changes, columns of ``colours`` [N, 4], one after the other.

    Each works on pixels in 0..1, and saturation and hue leave them there.
    """
    brightness, contrast = (colours[:, i, None, None, None] for i in (BRIGHTNESS, CONTRAST))
    saturation, hue = (colours[:, i, None, None] for i in (SATURATION, HUE))
    turn = hue * (6 / max(1, changes.count(HUE)))
    one, none = torch.ones_like(saturation), torch.zeros_like(turn)
    steps: list[Step] = [Clamp()]
    remaining = list(changes)
    while remaining:
        change = remaining.pop(0)
        if change == BRIGHTNESS:
            steps += [Brightness(brightness - 1), Clamp()]
        elif change == CONTRAST:
            steps += [Contrast(contrast), Clamp()]
        elif remaining and {change, remaining[0]} == {SATURATION, HUE}:
            remaining.pop(0)
            steps.append(Colour(saturation, turn))
        elif change == SATURATION:
            steps.append(Colour(saturation, none))
        else:
            steps.append(Colour(one, turn))
    return Chain(steps)
