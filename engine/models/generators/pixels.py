"""A picture as its own latent: no weights, any size.

Nothing shapes what it paints, so fine noise that pleases a perceptor is as likely as a picture; a
``block`` of several pixels paints pixel art instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.models.generators.base import Generator
from engine.models.part_settings import check_names, whole_number
from engine.random_numbers import Draws, Stream


class PixelGenerator(Generator):
    """Pictures as z [1, 3, H / block, W / block] in 0..1, squares of ``block`` pixels."""

    grey: Tensor

    def __init__(self, block: int = 1) -> None:
        super().__init__()
        self.factor = block
        self.register_buffer("grey", torch.full((1, 1, 1, 1), 0.5))

    def extra_repr(self) -> str:
        """What decoding depends on."""
        return f"block={self.factor}"

    @property
    def reference(self) -> Tensor:
        """A middle grey [1, 1, 1, 1]."""
        return self.grey

    @property
    def scale(self) -> float:
        """The standard deviation of uniform numbers in 0..1."""
        return 12**-0.5

    def random_latent(self, height: int, width: int, draws: Draws) -> Tensor:
        """Uniformly random colours."""
        shape = (1, 3, height // self.factor, width // self.factor)
        return draws.uniform(Stream.START_LATENT, shape).to(self.grey)

    def encode_latent(self, picture: Tensor, draws: Draws | None = None) -> Tensor:
        """The mean colours of the squares; the picture itself if they are single pixels."""
        return F.avg_pool2d(picture, self.factor)

    def tiled(self) -> Generator:
        """The generator itself: each square depends on its own element of z alone."""
        return self

    def decode(self, z: Tensor) -> Tensor:
        """z [B, 3, h, w] -> pictures [B, 3, h * block, w * block], z enlarged."""
        return z if self.factor == 1 else F.interpolate(z, scale_factor=float(self.factor))

    def mean_latent(self) -> Tensor:
        """A middle grey."""
        return self.grey

    def bounds(self) -> tuple[Tensor, Tensor]:
        """Black and white."""
        return torch.zeros_like(self.grey), torch.ones_like(self.grey)


def build(files: Mapping[str, Path], settings: Mapping[str, Any]) -> PixelGenerator:
    """A generator with the setting ``block``, the side of its squares in pixels (1 to 64)."""
    check_names(settings, ("block",))
    return PixelGenerator(whole_number(settings, "block", 1, 1, 64)).eval()
