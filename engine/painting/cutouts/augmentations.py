"""What happens to cutouts after they are cut out, by kornia's functions (paper, section 2.3).

Each function takes cutouts [N, 3, S, S] and returns as many; only the chosen ones change.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import kornia.enhance
import torch
from kornia.geometry.transform import (
    get_affine_matrix2d,
    get_perspective_transform,
    warp_affine,
    warp_perspective,
)
from torch import Tensor

from engine.painting.cutouts.numbers import Cutouts
from engine.painting.losses import clamp_with_gradient


def flip(cut_out: Tensor, cutouts: Cutouts) -> Tensor:
    """Mirror left and right."""
    return _where(cutouts.flipped, cut_out, lambda part, numbers: part.flip(-1), cutouts)


def affine(cut_out: Tensor, cutouts: Cutouts) -> Tensor:
    """Turn, shear and shift about the centre (kornia's RandomAffine)."""

    def warp(part: Tensor, numbers: Cutouts) -> Tensor:
        side = part.shape[-1]
        shear = torch.deg2rad(numbers.shear)
        matrix = get_affine_matrix2d(
            numbers.translation,
            torch.full_like(numbers.translation, side / 2 - 0.5),
            torch.ones_like(numbers.translation),
            numbers.angle,
            shear,
            torch.zeros_like(shear),
        )
        return warp_affine(
            part, matrix[:, :2], (side, side), align_corners=False, padding_mode=numbers.padding
        )

    return _where(cutouts.turned, cut_out, warp, cutouts)


def perspective(cut_out: Tensor, cutouts: Cutouts) -> Tensor:
    """Move the corners inwards; what is then outside is black (kornia's RandomPerspective)."""

    def warp(part: Tensor, numbers: Cutouts) -> Tensor:
        side = part.shape[-1]
        last = float(side - 1)
        start = part.new_tensor([[0.0, 0.0], [last, 0.0], [last, last], [0.0, last]])
        start = start.expand(len(part), 4, 2)
        matrix = get_perspective_transform(start, start + numbers.corners)
        return warp_perspective(part, matrix, (side, side), align_corners=False)

    return _where(cutouts.tilted, cut_out, warp, cutouts)


def jitter(cut_out: Tensor, cutouts: Cutouts) -> Tensor:
    """Change brightness, contrast, saturation and hue, in the drawn order (ColorJiggle).

    Where kornia clamps, this clamps with a gradient. Steps that change no cutout are left out:
    this is the most expensive augmentation.
    """

    def change(part: Tensor, numbers: Cutouts) -> Tensor:
        brightness, contrast, saturation, hue = numbers.colours.unbind(1)
        steps: tuple[tuple[bool, Callable[[Tensor], Tensor]], ...] = (
            (
                bool((brightness != 1).any()),
                lambda x: kornia.enhance.adjust_brightness(x, brightness - 1, clip_output=False),
            ),
            (
                bool((contrast != 1).any()),
                lambda x: kornia.enhance.adjust_contrast(x, contrast, clip_output=False),
            ),
            (
                bool((saturation != 1).any()),
                lambda x: kornia.enhance.adjust_saturation(x, saturation),
            ),
            (bool((hue != 0).any()), lambda x: kornia.enhance.adjust_hue(x, hue * 2 * math.pi)),
        )
        part = clamp_with_gradient(part)
        for index in numbers.order:
            changes, step = steps[index]
            if changes:
                part = clamp_with_gradient(step(part))
        return part

    return _where(cutouts.jittered, cut_out, change, cutouts)


def erase(cut_out: Tensor, cutouts: Cutouts) -> Tensor:
    """Blacken a rectangle (kornia's RandomErasing)."""
    if not cutouts.erase.any():
        return cut_out
    steps = torch.arange(cut_out.shape[-1], device=cut_out.device, dtype=cut_out.dtype) + 0.5
    left, top, right, bottom = (edge[:, None] for edge in cutouts.erase.unbind(1))
    columns = (steps >= left) & (steps < right)
    rows = (steps >= top) & (steps < bottom)
    gone = rows[:, :, None] & columns[:, None, :]
    return cut_out.masked_fill(gone[:, None], 0.0)


def _where(
    chosen: Tensor,
    cut_out: Tensor,
    function: Callable[[Tensor, Cutouts], Tensor],
    cutouts: Cutouts,
) -> Tensor:
    """``cut_out`` with ``function`` applied to the ``chosen`` [N] cutouts and their numbers."""
    index = chosen.nonzero().flatten()
    if not len(index):
        return cut_out
    if len(index) == len(cut_out):
        return function(cut_out, cutouts)
    numbers = replace(cutouts, grain=None).only(index)  # the grain has the cutouts' size
    return cut_out.index_copy(0, index, function(cut_out[index], numbers))
