"""Affine and perspective warps of cutouts, as kornia's, each with bilinear interpolation.

A warp is a matrix [N, 2, 3] or [N, 3, 3] for each cutout: it maps an output's place to its
source's, both in -1..1 from edge to edge of the cutout, as grid_sample has them. So nothing has to
be inverted or normalised.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from engine.fused.choosing import fused
from engine.painting import host
from engine.painting.cutouts.fixed_point import FixedPointSums
from engine.painting.cutouts.steps import Gradient, Step
from engine.request.recipe import Padding

_PADDINGS: dict[Padding, int] = {"zeros": 0, "border": 1, "reflection": 2}  # grid_sample's numbers


_DEVIATION, _REACH = 32.0, 31  # pixels, of RandomElasticTransform
_CORNERS = ((0, 0), (1, 0), (1, 1), (0, 1))


def affine_warp(angle: Tensor, shear: Tensor, translation: Tensor, side: int) -> Tensor:
    """The matrices [N, 2, 3] of a turn, a shear and a shift about the centre (RandomAffine).

    ``angle`` [N] and ``shear`` [N], along x, are in degrees, ``translation`` [N, 2] in pixels of
    cutouts ``side`` pixels wide. kornia shears, then turns, then shifts; this is the inverse.
    """
    turn, slope = angle.deg2rad(), shear.deg2rad().tan()
    cos, sin = turn.cos(), turn.sin()
    xx, xy = cos - slope * sin, sin + slope * cos
    x, y = (translation * (2 / side)).unbind(1)
    rows = (xx, xy, -xx * x - xy * y, -sin, cos, sin * x - cos * y)
    return torch.stack(rows, dim=1).view(-1, 2, 3)


def perspective_warp(corners: Tensor, side: int) -> Tensor:
    """The matrices [N, 3, 3] that move the corners by ``corners`` [N, 4, 2] (RandomPerspective).

    They are in pixels, clockwise from the top left. The map from a square to four points has a
    closed form (Heckbert 1989, section 2.2.3); the adjugate is its inverse.
    """
    last = side - 1.0
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = (
        (corner[:, 0] + right, corner[:, 1] + down)
        for corner, (right, down) in zip((corners / last).unbind(1), _CORNERS, strict=True)
    )
    dx1, dx2, dx3 = x1 - x2, x3 - x2, x0 - x1 + x2 - x3
    dy1, dy2, dy3 = y1 - y2, y3 - y2, y0 - y1 + y2 - y3
    area = dx1 * dy2 - dx2 * dy1
    g, h = (dx3 * dy2 - dx2 * dy3) / area, (dx1 * dy3 - dx3 * dy1) / area
    a, b, c = x1 - x0 + g * x1, x3 - x0 + h * x3, x0
    d, e, f = y1 - y0 + g * y1, y3 - y0 + h * y3, y0
    rows = (
        (e - f * h, c * h - b, b * f - c * e),
        (f * g - d, a - c * g, c * d - a * f),
        (d * h - e * g, b * g - a * h, a * e - b * d),
    )
    # Those are between places of pixels' centres, 0 and 1 being the outer pixels'.
    scale = side / (2 * last)
    x, y, depth = (
        torch.stack([across * scale, down * scale, (across + down) / 2 + constant], dim=1)
        for across, down, constant in rows
    )
    shift = depth * (1 / side - 1)
    return torch.stack([x / scale + shift, y / scale + shift, depth], dim=1)


def window_warp(window: Tensor, side: int) -> Tensor:
    """The matrices [N, 2, 3] that show a part of cutouts ``side`` pixels wide (RandomResizedCrop).

    ``window`` [N, 4] is its left, top, width and height in fractions of the cutout. The centres of
    its outer pixels become those of the cutout's.
    """
    start, extent = (window * side)[:, :2], (window * side)[:, 2:]
    scale = (extent - 1) / (side - 1)
    shift = (2 * start + scale * (side - 1) + 1) / side - 1
    none = torch.zeros_like(scale[:, 0])
    rows = (scale[:, 0], none, shift[:, 0], none, scale[:, 1], shift[:, 1])
    return torch.stack(rows, dim=1).view(-1, 2, 3)


def warp_grid(warp: Tensor, side: int) -> Tensor:
    """The sources [N, S, S, 2] of all outputs, x and y in -1..1, of the matrices ``warp``."""
    place = (torch.arange(side, device=warp.device, dtype=warp.dtype) * 2 + 1) / side - 1
    across, down, constant = warp[..., None].unbind(2)  # [N, 2 or 3, 1] each
    row, column = across * place, down * place + constant
    grid = row[:, :, None, :] + column[:, :, :, None]
    if grid.shape[1] == 3:
        grid = grid[:, :2] / grid[:, 2:]
    return grid.permute(0, 2, 3, 1)


class Sampled(Step):
    """Samples cutouts bilinearly at the places of a grid; ``padding`` is what is outside."""

    padding: Padding

    @abstractmethod
    def grid(self, like: Tensor) -> Tensor:
        """The sources [N, S, S, 2] of cutouts ``like`` [N, 3, S, S], x and y in -1..1."""

    def apply(self, x: Tensor) -> Tensor:
        """See :class:`Step`."""
        return torch.grid_sampler_2d(x, self.grid(x), 0, _PADDINGS[self.padding], False)

    def differentiate(self, x: Tensor) -> tuple[Tensor, Gradient]:
        """See :class:`Step`."""
        return self.apply(x), self.gradient

    def gradient(self, slope: Tensor) -> Tensor:
        """The gradient, which does not depend on the input."""
        grid = self.grid(slope)
        # grid_sample's own adds in no fixed order on CUDA.
        if not host.is_readable(slope):
            return gradient_in_fixed_point(slope, grid, self.padding)
        result: Tensor = torch.ops.aten.grid_sampler_2d_backward(
            slope, slope, grid, 0, _PADDINGS[self.padding], False, [True, False]
        )[0]
        return result


@dataclass(frozen=True)
class Warp(Sampled):
    """Samples cutouts at the places that the matrices ``warp`` [N, 2 or 3, 3] map to."""

    warp: Tensor
    padding: Padding

    def grid(self, like: Tensor) -> Tensor:
        """See :class:`Sampled`."""
        return warp_grid(self.warp, like.shape[-1])


@dataclass(frozen=True)
class Elastic(Sampled):
    """Samples cutouts at places that smooth noise shifts (kornia's RandomElasticTransform).

    ``ripple`` [N, 2, S, S] is noise in -1..1, right and down. It is smoothed by a Gaussian with a
    standard deviation of 32 pixels, cut off after 31, and multiplied by ``alpha``; then it is a
    shift in halves of the cutout.
    """

    ripple: Tensor
    alpha: float
    padding: Padding = "zeros"

    def grid(self, like: Tensor) -> Tensor:
        """See :class:`Sampled`."""
        side = like.shape[-1]
        kernel = _gaussian(side, like)
        shift = (kernel @ self.ripple.to(like.dtype) @ kernel.T) * self.alpha
        place = (torch.arange(side, device=like.device, dtype=like.dtype) * 2 + 1) / side - 1
        shift[:, 0] += place
        shift[:, 1] += place[:, None]
        return shift.permute(0, 2, 3, 1)


def _gaussian(side: int, like: Tensor) -> Tensor:
    """The filter of a row of pixels, as a matrix [S, S]; outside there is nothing."""
    place = torch.arange(side, device=like.device, dtype=like.dtype)
    distance = (place[:, None] - place).abs()
    reach = torch.arange(-_REACH, _REACH + 1, device=like.device, dtype=like.dtype)
    whole = (-(reach**2) / (2 * _DEVIATION**2)).exp().sum()
    weights = (-(distance**2) / (2 * _DEVIATION**2)).exp() * (distance <= _REACH)
    return weights / whole


def gradient_in_fixed_point(gradient: Tensor, grid: Tensor, padding: Padding) -> Tensor:
    """The gradient of cutouts [N, 3, S, S] that were sampled at ``grid`` [N, S, S, 2]."""

    def by_kernel() -> Tensor:
        from engine.fused import warp_gradient

        sums = FixedPointSums(gradient, gradient.shape[-1] ** 2)
        warp_gradient.scatter(gradient, grid, sums.scale, sums.total, _PADDINGS[padding])
        return sums.result().view_as(gradient)

    by_operations = partial(_gradient_by_operations, gradient, grid, padding)
    name = f"gradient of a warp, {padding} outside"
    return fused(name, gradient.device, by_kernel, by_operations, tolerance=1e-4)


def _gradient_by_operations(gradient: Tensor, grid: Tensor, padding: Padding) -> Tensor:
    side = gradient.shape[-1]
    place = ((grid + 1) * side - 1) / 2
    if padding == "reflection":
        place = (place + 0.5) % (2 * side)
        place = torch.minimum(place, 2 * side - place) - 0.5
    if padding != "zeros":
        place = place.clamp(0, side - 1)
    sums = FixedPointSums(gradient, side * side)
    x, y = place.flatten(1, 2).unbind(-1)
    for right, down in _CORNERS:
        column, row = x.floor() + right, y.floor() + down
        weight = (1 - (x - column).abs()) * (1 - (y - row).abs())
        near_column, near_row = column.clamp(0, side - 1), row.clamp(0, side - 1)
        weight = weight * (near_column == column) * (near_row == row)
        index = (near_row * side + near_column).long()
        sums.add(index[:, None], gradient.flatten(2) * weight[:, None])
    return sums.result().view_as(gradient)
