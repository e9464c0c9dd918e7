"""A picture of Bezier strokes on white paper, no weights: CLIPDraw's (Frans et al. 2021).

As in CLIPDraw each stroke has a curve, a width and a colour with an opacity, and all of them are
optimised. Ours: the strokes are spread over the picture, one to each square of ``spacing`` pixels
near which it stays, so that their number follows from the size, an edit can keep those outside a
mask, and a pixel is looked at by a few strokes only. Each has one cubic curve; CLIPDraw's have one
to three in a row.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.models.generators.base import Generator
from engine.models.generators.camera import turned
from engine.models.generators.stroke_layers import Grid, stacked
from engine.models.generators.strokes import coverage
from engine.models.generators.vector import Stroke
from engine.models.part_settings import check_names, number, whole_number
from engine.random_numbers import Draws, Stream
from engine.request.motion import Motion

# What a 1 in z is, so that one learning rate suits all: CLIPDraw's rates are 1 pixel of 224 for
# points, 0.1 for widths and 0.01 for colours.
_POINT, _WIDTH, _COLOUR = 0.5, 0.15, 0.25  # the first two are multiples of the spacing
_THINNEST = 0.06  # multiples of the spacing
_OPACITIES = (0.02, 1.0)


@dataclass(frozen=True)
class _Strokes:
    """The strokes of z [13, h, w]: [h, w, ...] each, in pixels and 0..1.

    ``points`` [h, w, 4, 2] are (x, y) from the middles of the squares.
    """

    points: Tensor
    width: Tensor
    colour: Tensor
    opacity: Tensor


class CurvesGenerator(Generator):
    """Pictures as strokes z [1, 13, H / spacing, W / spacing].

    The numbers of a stroke are the points (x, y) of a cubic curve, its width, its colour and its
    opacity. ``reach`` is how many squares a stroke can extend beyond its own, ``broad`` the largest
    width in multiples of ``spacing``, ``softness`` the sharpness of edges in pixels.
    """

    paper: Tensor

    def __init__(
        self, spacing: int = 16, reach: int = 2, broad: float = 1.5, softness: float = 0.7
    ) -> None:
        super().__init__()
        self.factor = spacing
        self.reach, self.broad, self.softness = reach, broad, softness
        self.register_buffer("paper", torch.ones(3))

    def extra_repr(self) -> str:
        """What decoding depends on, besides the paper."""
        return (
            f"spacing={self.factor}, reach={self.reach}, broad={self.broad}, "
            f"softness={self.softness}"
        )

    @property
    def reference(self) -> Tensor:
        """The colour of the paper [3]."""
        return self.paper

    @property
    def scale(self) -> float:
        """1, about the standard deviation of random latents."""
        return 1.0

    @property
    def _furthest(self) -> float:
        """How far a point can be from its square's middle, in multiples of the spacing."""
        edge = 5 * self.softness + 0.5  # pixels, until nothing is seen
        return self.reach + 0.5 - self.broad / 2 - edge / self.factor

    def random_latent(self, height: int, width: int, draws: Draws) -> Tensor:
        """Short curves of random greys, a little tinted, around the squares' middles.

        Colours that the words don't ask for stay as they are for long.
        """
        shape = (height // self.factor, width // self.factor)
        drawn = draws.uniform(Stream.START_LATENT, (14, *shape)).to(self.paper)
        steps = drawn[:8].view(4, 2, *shape) * 2 - 1
        points = steps.cumsum(dim=0)  # each point is near the one before it
        points = (points - points.mean(dim=0)) * 0.9
        return self._latent(
            points,
            0.2 + 0.5 * drawn[8],
            0.2 + 0.6 * drawn[9] + 0.15 * (drawn[10:13] - 0.5),
            0.3 + 0.5 * drawn[13],
        )

    @torch.no_grad()
    def encode_latent(self, picture: Tensor, draws: Draws | None = None) -> Tensor:
        """Strokes [1, 13, h, w] of the picture's colours, along its edges."""
        colour = F.avg_pool2d(picture, self.factor)[0]
        grey = F.pad(picture.mean(dim=1, keepdim=True), (1, 1, 1, 1), mode="replicate")
        across = (grey[..., 1:-1, 2:] - grey[..., 1:-1, :-2])[0]
        down = (grey[..., 2:, 1:-1] - grey[..., :-2, 1:-1])[0]
        products = torch.cat([across * across, down * down, across * down])[None]
        xx, yy, xy = F.avg_pool2d(products, self.factor)[0]
        angle = 0.5 * torch.atan2(2 * xy, xx - yy) + math.pi / 2  # along the edge, not across
        direction = torch.stack([angle.cos(), angle.sin()])
        places = torch.tensor([-0.6, -0.2, 0.2, 0.6]).to(picture).view(4, 1, 1, 1)
        return self._latent(
            places * direction,
            torch.full_like(angle, min(1.2, self.broad)),
            colour,
            torch.ones_like(angle),
        )

    def _latent(self, points: Tensor, width: Tensor, colour: Tensor, opacity: Tensor) -> Tensor:
        """z [1, 13, h, w] of points [4, 2, h, w] and widths [h, w] in multiples of the spacing."""
        colours = torch.cat([colour, opacity[None]])
        parts = (points.flatten(0, 1) / _POINT, width[None] / _WIDTH, (colours - 0.5) / _COLOUR)
        return torch.cat(parts)[None].clamp(*self.bounds())

    def bounds(self) -> tuple[Tensor, Tensor]:
        """The smallest and largest numbers, [1, 13, 1, 1] each."""
        far = self._furthest / _POINT
        most = [far] * 8 + [self.broad / _WIDTH] + [0.5 / _COLOUR] * 4
        least = [-far] * 8 + [_THINNEST / _WIDTH] + [-0.5 / _COLOUR] * 3
        least.append((_OPACITIES[0] - 0.5) / _COLOUR)
        low, high = (torch.tensor(row).to(self.paper).view(1, 13, 1, 1) for row in (least, most))
        return low, high

    def decode(self, z: Tensor) -> Tensor:
        """z [B, 13, h, w] -> pictures [B, 3, h * spacing, w * spacing] in 0..1."""
        return torch.stack([self._painted(each) for each in z])

    def _read(self, z: Tensor) -> _Strokes:
        low, high = self.bounds()
        numbers = z.clamp(low[0], high[0]).permute(1, 2, 0)
        points = numbers[..., :8].unflatten(2, (4, 2)) * (_POINT * self.factor)
        colours = 0.5 + _COLOUR * numbers[..., 9:]
        width = numbers[..., 8] * (_WIDTH * self.factor)
        return _Strokes(points, width, colours[..., :3], colours[..., 3])

    def _painted(self, z: Tensor) -> Tensor:
        """z [13, h, w] -> a picture [3, H, W]."""
        strokes, grid = self._read(z), self._grid(z)
        covered = coverage(
            strokes.points.flatten(0, 1),
            strokes.width.flatten() / 2,
            grid.side * grid.spacing,
            self.softness,
        )
        alpha = strokes.opacity[..., None, None] * covered.unflatten(0, z.shape[1:])
        return stacked(alpha, strokes.colour, self.paper, grid)

    def _grid(self, z: Tensor) -> Grid:
        return Grid(z.shape[-2], z.shape[-1], self.factor, self.reach)

    @torch.no_grad()
    def moved(self, z: Tensor, motion: Motion) -> Tensor:
        """Each square gets the stroke that the move brings nearest to it, moved as well.

        Beyond the border are the strokes at the border. Which of two strokes is above the other
        follows from their squares, so it can change.
        """
        rows, columns = z.shape[-2:]
        size = torch.tensor([columns, rows]).to(z) * self.factor
        index = torch.stack(
            torch.meshgrid(torch.arange(columns), torch.arange(rows), indexing="xy"), dim=-1
        )
        middles = (index.to(z) + 0.5) * self.factor - size / 2  # [h, w, 2], from the picture's
        angle = math.radians(motion.degrees)
        cos, sin = math.cos(angle), math.sin(angle)
        turn = torch.tensor([[cos, sin], [-sin, cos]]).to(z)  # counterclockwise, with y down
        shift = torch.tensor(motion.pan).to(z)
        tilted, longest = any(motion.tilt), int(size.max())
        placed = turned(middles, motion, longest, back=True)[0] if tilted else middles
        sources = (placed - shift) @ turn / motion.zoom
        square = ((sources + size / 2) / self.factor).floor().long()
        column = square[..., 0].clamp(0, columns - 1)
        row = square[..., 1].clamp(0, rows - 1)
        read = self._read(z[0])
        points = (read.points + middles[..., None, :])[row, column]
        points = motion.zoom * points @ turn.T + shift
        width = read.width[row, column] * (motion.zoom / self.factor)
        if tilted:
            points, ahead = turned(points, motion, longest)
            width = width * ahead.mean(-1) ** -1.5
        points = points - middles[..., None, :]
        return self._latent(
            (points / self.factor).permute(2, 3, 0, 1),
            width,
            read.colour[row, column].permute(2, 0, 1),
            read.opacity[row, column],
        )

    @torch.no_grad()
    def strokes(self, z: Tensor) -> list[Stroke]:
        """The strokes of z [1, 13, h, w], the lowest first, in pixels of the picture."""
        read, grid, drawn = self._read(z[0]), self._grid(z), list[Stroke]()
        numbers = [part.tolist() for part in (read.points, read.width, read.colour, read.opacity)]
        for first, second in grid.layers():
            for row in range(first, grid.rows, grid.side):
                for column in range(second, grid.columns, grid.side):
                    points, width, colour, opacity = (part[row][column] for part in numbers)
                    x, y = (column + 0.5) * self.factor, (row + 0.5) * self.factor
                    drawn.append(
                        Stroke(
                            tuple((x + right, y + below) for right, below in points),
                            width,
                            tuple(colour),
                            opacity,
                        )
                    )
        return drawn


def build(files: Mapping[str, Path], settings: Mapping[str, Any]) -> CurvesGenerator:
    """A generator with the settings of CurvesGenerator.

    ``spacing`` (8 to 64), ``reach`` (1 to 4), ``broad`` (0.25 to 2) and ``softness`` (0.3 to 2).
    """
    check_names(settings, ("spacing", "reach", "broad", "softness"))
    return CurvesGenerator(
        whole_number(settings, "spacing", 16, 8, 64),
        whole_number(settings, "reach", 2, 1, 4),
        number(settings, "broad", 1.5, 0.25, 2),
        number(settings, "softness", 0.7, 0.3, 2),
    ).eval()
