"""A generator of symmetrical pictures, as a plug-in; pyproject.toml next to it registers it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.models.generators.base import Generator
from engine.models.part_settings import check_names, number
from engine.random_numbers import Draws, Stream

CELL = 4  # pixels


class MirrorGenerator(Generator):
    """Decodes z [1, 3, H / 4, W / 8], the left half of a coarse picture, smoothly enlarged."""

    contrast: Tensor

    def __init__(self, contrast: float) -> None:
        super().__init__()
        self.factor, self.local = 2 * CELL, False  # a number also changes the other half
        self.register_buffer("contrast", torch.tensor(contrast))

    @property
    def reference(self) -> Tensor:
        """The contrast; z has its device and precision."""
        return self.contrast

    @property
    def scale(self) -> float:
        """The standard deviation of random latents."""
        return 1.0

    def random_latent(self, height: int, width: int, draws: Draws) -> Tensor:
        """Normal noise."""
        z = draws.normal(Stream.START_LATENT, (1, 3, height // CELL, width // self.factor))
        return z.to(self.contrast)

    def encode_latent(self, picture: Tensor, draws: Draws | None = None) -> Tensor:
        """The mean of a picture's halves."""
        half = F.avg_pool2d((picture + picture.flip(3)) / 2, CELL).chunk(2, dim=3)[0]
        return half.clamp(0.01, 0.99).logit() / self.contrast

    def decode(self, z: Tensor) -> Tensor:
        """z -> pictures [B, 3, H, W] in 0..1."""
        whole = torch.cat([z, z.flip(3)], dim=3) * self.contrast
        return F.interpolate(whole, scale_factor=CELL, mode="bilinear").sigmoid()


def build(files: Mapping[str, Path], settings: Mapping[str, Any]) -> MirrorGenerator:
    """A generator with the setting ``contrast`` (0.1 to 10); it needs no files."""
    check_names(settings, ("contrast",))
    return MirrorGenerator(number(settings, "contrast", 1.0, 0.1, 10))
