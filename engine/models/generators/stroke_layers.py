"""Lays strokes over each other, those that cannot overlap at once."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Grid:
    """``rows`` x ``columns`` squares of ``spacing`` pixels, each with a stroke.

    A stroke extends at most ``reach`` squares beyond its own, so that strokes which are ``side``
    squares apart do not overlap: they are one layer, and their squares lie next to each other.
    """

    rows: int
    columns: int
    spacing: int
    reach: int

    @property
    def side(self) -> int:
        """Of the square in which a stroke stays, in squares."""
        return 2 * self.reach + 1

    def layers(self) -> Iterator[tuple[int, int]]:
        """The first square (down, across) of each layer's strokes, the lowest layer first.

        Neighbours are far apart in this order, or each row would lie on the one above it.
        """
        count = self.side**2
        step = next(i for i in range(2 * self.side + 1, 4 * count) if math.gcd(i, count) == 1)
        for index in range(count):
            down, across = divmod(index * step % count, self.side)
            if down < self.rows and across < self.columns:
                yield down, across

    def joined(self, squares: Tensor, layer: tuple[int, int]) -> Tensor:
        """The picture [C, H, W] of a layer's ``squares`` [i, j, C, S, S]; 0 elsewhere."""
        whole = squares.permute(2, 0, 3, 1, 4).flatten(3).flatten(1, 2)
        return F.pad(whole, self._border(squares, layer))

    def separated(self, picture: Tensor, like: Tensor, layer: tuple[int, int]) -> Tensor:
        """The squares [i, j, C, S, S] of a ``picture`` [C, H, W], as many as ``like`` [i, j, ...].

        The reverse of :meth:`joined`; outside the picture they are 0.
        """
        side = self.side * self.spacing
        whole = F.pad(picture, [-pixels for pixels in self._border(like, layer)])
        squares: Tensor = whole.unflatten(2, (-1, side)).unflatten(1, (-1, side))
        return squares.permute(1, 3, 0, 2, 4)

    def _border(self, squares: Tensor, layer: tuple[int, int]) -> list[int]:
        """How far a layer is from the picture's left, right, top and bottom; negative beyond it."""
        border = []
        for first, squared, count in (
            (layer[1], self.columns, squares.shape[1]),
            (layer[0], self.rows, squares.shape[0]),
        ):
            before = (first - self.reach) * self.spacing
            border += [before, (squared - count * self.side) * self.spacing - before]
        return border

    def of(self, strokes: Tensor, layer: tuple[int, int]) -> Tensor:
        """Those of ``strokes`` [h, w, ...] that are in a layer."""
        return strokes[layer[0] :: self.side, layer[1] :: self.side]


def stacked(alpha: Tensor, colour: Tensor, paper: Tensor, grid: Grid) -> Tensor:
    """Strokes over each other on ``paper`` [3]: a picture [3, H, W].

    ``alpha`` [h, w, S, S] is how much of each pixel of its squares a stroke hides, ``colour``
    [h, w, 3] its colour.
    """
    result: Tensor = _Stacked.apply(alpha, colour, paper, grid)  # type: ignore[no-untyped-call]  # torch's apply is untyped
    return result


class _Stacked(torch.autograd.Function):
    """Keeps only what it gets, and computes the rest again in the backward pass."""

    @staticmethod
    def forward(ctx: Any, alpha: Tensor, colour: Tensor, paper: Tensor, grid: Grid) -> Tensor:
        ctx.save_for_backward(alpha, colour, paper)
        ctx.grid = grid
        picture = _blank(paper, grid)
        for layer in grid.layers():
            picture = _laid_over(picture, alpha, colour, grid, layer)
        return picture.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None, None]:
        alpha, colour, paper = ctx.saved_tensors
        grid: Grid = ctx.grid
        layers = list(grid.layers())
        above: list[Tensor] = []  # how much of each layer is seen through those above it
        seen = torch.ones_like(gradients[0][:1])
        for layer in reversed(layers):
            above.append(seen)
            seen = seen * (1 - grid.joined(grid.of(alpha, layer)[:, :, None], layer))
        to_alpha, to_colour = torch.empty_like(alpha), torch.empty_like(colour)
        picture = _blank(paper, grid)
        for layer in layers:
            own = grid.of(alpha, layer)[:, :, None]
            outer = grid.separated(gradients[0] * above.pop(), own, layer)
            change = grid.of(colour, layer)[..., None, None] - grid.separated(picture, own, layer)
            grid.of(to_alpha, layer).copy_((outer * change).sum(dim=2))
            grid.of(to_colour, layer).copy_((outer * own).sum(dim=(3, 4)))
            picture = _laid_over(picture, alpha, colour, grid, layer)
        return to_alpha, to_colour, None, None


def _blank(paper: Tensor, grid: Grid) -> Tensor:
    height, width = grid.rows * grid.spacing, grid.columns * grid.spacing
    return paper.view(3, 1, 1).expand(3, height, width)


def _laid_over(
    picture: Tensor, alpha: Tensor, colour: Tensor, grid: Grid, layer: tuple[int, int]
) -> Tensor:
    own = grid.of(alpha, layer)[:, :, None]
    light = grid.joined(own * grid.of(colour, layer)[..., None, None], layer)
    return picture * (1 - grid.joined(own, layer)) + light
