"""Sheets of pictures to judge a generator by eye."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from engine.models.codebook import nearest_codes
from engine.models.generators.taming import VQGenerator

Bytes = NDArray[np.uint8]


@torch.no_grad()
def sheet(
    generator: VQGenerator, held_out: Mapping[str, Bytes], seed: int = 3, side: int = 256
) -> Image.Image:
    """Two rows: each held-out picture with its reconstruction, and latents that no picture has.

    The latents are noise with knots 1, 2, 4 and 8 tokens apart, quantised, and areas of one
    held-out picture next to areas of another.
    """
    pictures = [
        torch.from_numpy(each.copy()).permute(2, 0, 1)[None].float() / 255
        for each in held_out.values()
    ]
    top, latents = [], []
    for picture in pictures:
        latents.append(generator.encode_latent(picture))
        top += [picture, _paint(generator, latents[-1])]
    random = torch.Generator().manual_seed(seed)
    strange = [
        _smooth(generator, side // generator.factor, apart, random) for apart in (1, 2, 4, 8)
    ]
    if len(latents) > 1:
        strange.append(_interleaved(latents[0], latents[1], random))
        strange.append(_interleaved(latents[-1], latents[0], random))
    bottom = [_paint(generator, each) for each in strange]
    rows = [torch.cat(row, dim=3)[0] for row in (top, bottom) if row]
    widest = max(row.shape[2] for row in rows)
    rows_together = torch.cat([F.pad(row, (0, widest - row.shape[2])) for row in rows], dim=1)
    return Image.fromarray((rows_together.permute(1, 2, 0).numpy() * 255).round().astype(np.uint8))


def _paint(generator: VQGenerator, zq: Tensor) -> Tensor:
    return generator.decode(zq).clamp(0, 1)


def _smooth(generator: VQGenerator, side: int, apart: int, random: torch.Generator) -> Tensor:
    """Codes [1, D, side, side] of a mixture of codes, whose weights near_miss smoothly."""
    codebook = generator.codebook
    knots = side // apart
    codes = torch.randint(len(codebook), (knots * knots,), generator=random)
    noise = codebook[codes].T.reshape(1, -1, knots, knots)
    z = F.interpolate(noise, (side, side), mode="bicubic", align_corners=False)
    return generator.embed(nearest_codes(z, codebook), side, side)


def _interleaved(one: Tensor, other: Tensor, random: torch.Generator) -> Tensor:
    blobs = torch.rand(1, 1, 5, 5, generator=random)
    mask = F.interpolate(blobs, one.shape[2:], mode="bicubic", align_corners=False) > 0.5
    return torch.where(mask, one, other)
