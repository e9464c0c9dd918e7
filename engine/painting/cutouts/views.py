"""Which part of the picture each cutout shows, for prompts that pull in a region only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Region:
    """A part of a painting; two are the same only if they are one object.

    ``bounds`` are left, top, right and bottom in pixels. ``mask`` [1, 1, H, W] is 1 inside and 0
    elsewhere, None for a rectangle.
    """

    name: str
    bounds: tuple[int, int, int, int]
    mask: Tensor | None = None

    def on(self, device: torch.device) -> Region:
        """The region with its mask on ``device``."""
        if self.mask is None or self.mask.device == device:
            return self
        return replace(self, mask=self.mask.to(device))


@dataclass(frozen=True)
class Views:
    """What each of some cutouts is of: a region, or the whole picture (None).

    ``parts`` are the different ones, and ``of`` has the index of each cutout's. ``shares`` has for
    each part how many of all cutouts of the iteration are of it, as a share.
    """

    parts: tuple[Region | None, ...]
    of: tuple[int, ...]
    shares: tuple[float, ...]

    def only(self, which: Tensor | slice) -> Views:
        """Those of some of the cutouts, selected by indices [M] or a slice."""
        of = self.of[which] if isinstance(which, slice) else [self.of[i] for i in which.tolist()]
        return replace(self, of=tuple(of))

    def found(self, region: Region | None) -> tuple[slice, float]:
        """Which cutouts are of ``region``, in a row, and the weight of a mean over them.

        It is 1 if these are all cutouts of the iteration. In passes over some of them, each of
        which counts by its share of all, the means of the passes then add up to the mean of all.
        """
        part = self.parts.index(region)
        count = self.of.count(part)
        if not count:
            return slice(0), 0.0
        first = self.of.index(part)
        return slice(first, first + count), count / len(self.of) / self.shares[part]

    def runs(self) -> Iterator[tuple[Region | None, slice]]:
        """Each part, with cutouts of it that stand in a row."""
        start = 0
        for i in range(1, len(self.of) + 1):
            if i == len(self.of) or self.of[i] != self.of[start]:
                yield self.parts[self.of[start]], slice(start, i)
                start = i


def seen_in(picture: Tensor, region: Region | None) -> Tensor:
    """``picture`` [1, 3, H, W], of which only what is inside ``region`` gets a gradient."""
    if region is None or region.mask is None:
        return picture
    return torch.where(region.mask.to(picture) > 0, picture, picture.detach())
