"""Draws Bezier strokes so that the picture has gradients to their points, widths and colours.

diffvg (Li, Lukac, Gharbi and Ragan-Kelley 2020), on which CLIPDraw rests, is compiled C++. Here the
coverage of a pixel is a soft step of its distance from the curve, in plain operations of torch.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

_SAMPLES = 17  # of a curve, where the search for the nearest point starts
_STEPS = 2
# Distances at a time: on a CPU as many as stay in its cache, elsewhere more, for fewer kernels.
_AT_ONCE, _AT_ONCE_ELSEWHERE = 1 << 16, 1 << 22


def coverage(points: Tensor, radius: Tensor, side: int, softness: float) -> Tensor:
    """How much of each pixel strokes cover, [N, side, side] in 0..1.

    ``points`` [N, 4, 2] are the control points (x, y) of cubic curves, in pixels from the middle of
    a square of ``side`` pixels; ``radius`` [N] is half of their width. At that
    distance from the curve it is 0.5, and changes within about ``softness`` pixels.
    """
    distance: Tensor = _Distance.apply(points, side)  # type: ignore[no-untyped-call]  # torch's apply is untyped
    return torch.sigmoid((radius[:, None, None] - distance) / softness)


class _Distance(torch.autograd.Function):
    """The distance of each pixel of a square from curves, [N, 4, 2] -> [N, side, side].

    The nearest point minimises the distance, so that its movement along the curve adds nothing to
    the gradient (the envelope theorem): the control points get it by their weights at that point.
    """

    @staticmethod
    def forward(ctx: Any, points: Tensor, side: int) -> Tensor:
        grid = pixel_centres(side, points)
        places, distances = [], []
        for some in points.split(_at_once(grid)):
            t = nearest(some, grid)
            places.append(t)
            distances.append(torch.linalg.vector_norm(bernstein(t) @ some - grid, dim=2))
        t, distance = torch.cat(places), torch.cat(distances)
        ctx.save_for_backward(points, t, distance)
        ctx.side = side
        result: Tensor = distance.unflatten(1, (side, side))
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        grid = pixel_centres(ctx.side, ctx.saved_tensors[0])
        found = []
        for points, t, distance, gradient in zip(
            *(each.split(_at_once(grid)) for each in (*ctx.saved_tensors, gradients[0].flatten(1))),
            strict=True,
        ):
            basis = bernstein(t)
            share = gradient / distance.clamp(min=1e-3)
            found.append(basis.transpose(1, 2) @ (share[..., None] * (basis @ points - grid)))
        return torch.cat(found), None


def _at_once(grid: Tensor) -> int:
    """How many strokes to compute at a time."""
    most = _AT_ONCE if grid.device.type == "cpu" else _AT_ONCE_ELSEWHERE
    return max(1, most // len(grid))


def pixel_centres(side: int, like: Tensor) -> Tensor:
    """The middles (x, y) of a square's pixels, from its own: [side * side, 2]."""
    line = torch.arange(side, device=like.device, dtype=like.dtype) - (side - 1) / 2
    down, across = torch.meshgrid(line, line, indexing="ij")
    return torch.stack([across, down], dim=2).flatten(0, 1)


def nearest(points: Tensor, grid: Tensor) -> Tensor:
    """Where in 0..1 on curves [N, 4, 2] the nearest point to each of ``grid`` [P, 2] is, [N, P].

    The nearest of some samples, moved along the curve by two of Newton's steps, at most to the next
    sample.
    """
    return _refined(_nearest_sample(points, grid), points, grid)


def _nearest_sample(points: Tensor, grid: Tensor) -> Tensor:
    """t [N, P] of the nearest of _SAMPLES points of each curve."""
    steps = torch.linspace(0, 1, _SAMPLES, device=points.device, dtype=points.dtype)
    x, y = grid.unbind(dim=1)
    best, t = points.new_full((), torch.inf), points.new_zeros(())
    for step, place in zip(steps, (bernstein(steps) @ points).unbind(dim=1), strict=True):
        squared = (x - place[:, :1]).square_().add_((y - place[:, 1:]).square_())
        t = torch.where(squared < best, step, t)
        best = torch.minimum(squared, best)
    return t


def _refined(start: Tensor, points: Tensor, grid: Tensor) -> Tensor:
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = (
        each.unsqueeze(2).unbind(dim=1) for each in _polynomials(points).unbind(dim=1)
    )
    x, y = grid.unbind(dim=1)
    x, y = x - dx, y - dy
    reach = 1 / (_SAMPLES - 1)
    low, high = (start - reach).clamp_(min=0), (start + reach).clamp_(max=1)
    t = start
    for _ in range(_STEPS):
        along_x, along_y = (3 * ax * t + 2 * bx) * t + cx, (3 * ay * t + 2 * by) * t + cy
        away_x, away_y = x - ((ax * t + bx) * t + cx) * t, y - ((ay * t + by) * t + cy) * t
        speed = along_x.square() + along_y.square()
        bend = away_x * (6 * ax * t + 2 * bx) + away_y * (6 * ay * t + 2 * by)
        # Newton's divisor is small or negative far inside a bend, where the distance has a maximum.
        divisor = torch.maximum(speed - bend, 0.3 * speed).add_(1e-6)
        move = (away_x * along_x + away_y * along_y) / divisor
        t = (t + move).clamp_(low, high)
    return t


def _polynomials(points: Tensor) -> Tensor:
    """The coefficients [N, 4, 2] of t^3, t^2, t and 1 of curves [N, 4, 2]."""
    matrix = torch.tensor([[-1.0, 3, -3, 1], [3, -6, 3, 0], [-3, 3, 0, 0], [1, 0, 0, 0]])
    return matrix.to(points) @ points


def bernstein(t: Tensor) -> Tensor:
    """The weights [..., 4] of a cubic curve's control points at ``t`` [...]."""
    s = 1 - t
    return torch.stack([s * s * s, 3 * s * s * t, 3 * s * t * t, t * t * t], dim=-1)
