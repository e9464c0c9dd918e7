"""Latents that no picture has: painting passes through them, and they should look natural."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.models.codebook import embed_codes, nearest_codes


def slow_latents(
    zq: Tensor, colours: Tensor, codebook: Tensor, count: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """``count`` latents that near_miss slowly from one token of ``zq`` [B, D, h, w] to another.

    They are interpolated and quantised to the nearest of ``codebook`` [K, D], as in painting: often
    one code covers an area, and there a VQGAN's decoder shows its grid. The second result is
    ``colours`` [B, 3, h, w] interpolated in the same way, [count, 3, h, w] in 0..1. The random
    numbers of ``generator`` are drawn on the CPU.
    """
    high, wide = zq.shape[2:]
    both = torch.cat([zq, colours], dim=1)
    tokens = both.transpose(0, 1).flatten(1)
    knots = int(torch.randint(2, max(3, min(high, wide) // 2 + 1), (1,), generator=generator))
    rows = torch.randint(tokens.shape[1], (count * knots * knots,), generator=generator)
    corners = tokens[:, rows.to(tokens.device)].view(-1, count, knots, knots).transpose(0, 1)
    between = F.interpolate(corners, (high, wide), mode="bilinear", align_corners=True)
    z, colour = between.split([zq.shape[1], colours.shape[1]], dim=1)
    return embed_codes(nearest_codes(z, codebook), codebook, high, wide), colour
