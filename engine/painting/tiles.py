"""Tiles: pictures that go on at their opposite border."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.errors import RequestError
from engine.models import Generator
from engine.painting import host
from engine.random_numbers import Draws, Stream


def tile_generator(generator: Generator) -> Generator:
    """The generator for tiles, with the same weights; raises RequestError if it has none."""
    tiled = generator.tiled()
    if tiled is None:
        raise RequestError("This model can't paint tiles; choose another model, or leave tile out.")
    return tiled


def rolled(picture: Tensor, draws: Draws) -> Tensor:
    """A tile [1, 3, H, W] as it is seen from another place, which ``draws`` choose.

    So cutouts of it go beyond the border as often as they cross any other line.
    """
    height, width = picture.shape[-2:]
    if host.is_readable(picture):
        down, across = draws.uniform(Stream.ROLLED, (2,)).tolist()
        return torch.roll(picture, (int(down * height), int(across * width)), (-2, -1))
    shares = draws.uniform(Stream.ROLLED, (2,)).double()
    for axis, share in zip((-2, -1), shares, strict=True):
        side = picture.shape[axis]
        places = torch.arange(side, device=picture.device) - (share * side).long()
        picture = picture.index_select(axis, places % side)
    return picture
