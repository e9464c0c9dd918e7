"""Pictures that go wrong the way paintings do: stray blobs, eaten shapes, everything twice.

A painting starts as random codes, so a perceptor that overlooks a stray blob leaves it there.
It learns to see them from these: each caption's right pictures compete with their own spoiled
copies, which nothing is true of.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def spoil(pictures: Tensor, rng: torch.Generator) -> Tensor:
    """A spoiled copy of each of [B, 3, H, W] in 0..1, of one of five kinds by chance.

    Blobs that cover 8 to 50% are filled with one of the picture's own colours, with the
    picture itself shifted, with another picture, or (camouflage) all of it is redrawn as blobs
    of two of its colours. Or everything stands far off its place.
    """
    n, _, height, width = pictures.shape
    cells = int(torch.randint(4, 13, (1,), generator=rng))
    noise = torch.randn(n, 1, cells, cells, generator=rng)
    noise = F.interpolate(noise, (height, width), mode="bicubic", align_corners=False)
    covered = 0.08 + 0.42 * torch.rand(n, generator=rng)
    ordered = noise.flatten(1).sort(dim=1, descending=True).values
    at = (covered * (ordered.shape[1] - 1)).long()
    threshold = ordered.gather(1, at[:, None]).view(n, 1, 1, 1)
    mask = ((noise - threshold) * 12).sigmoid()

    own, other = _own_colour(pictures, rng), _own_colour(pictures, rng)
    down, across = torch.randint(24, height - 24, (2,), generator=rng).tolist()
    shifted = pictures.roll((down, across), (2, 3))
    shuffled = pictures[torch.randperm(n, generator=rng)]
    kind = torch.rand(n, 1, 1, 1, generator=rng)
    fill = torch.where(kind < 0.5, own, torch.where(kind < 0.7, shifted, shuffled))
    base = torch.where(kind > 0.85, other, pictures)
    fill = torch.where(kind > 0.85, own, fill)
    spoiled = torch.lerp(base, fill, mask)
    # A blob of the ground's colour on the ground spoils nothing.
    whole = (spoiled - pictures).abs().mean((1, 2, 3), keepdim=True) < 0.02
    spoiled = torch.where(whole, torch.lerp(pictures, shuffled, mask), spoiled)
    misplaced = torch.rand(n, 1, 1, 1, generator=rng) < 0.3
    return torch.where(misplaced, _misplace(pictures, rng), spoiled)


def _misplace(pictures: Tensor, rng: torch.Generator) -> Tensor:
    """Shifted by 0.2 to 0.45 of the side in some direction, the border drawn out."""
    n = len(pictures)
    angle = 2 * math.pi * torch.rand(n, generator=rng)
    far = 2 * (0.2 + 0.25 * torch.rand(n, generator=rng))
    theta = torch.eye(2, 3).repeat(n, 1, 1)
    theta[:, 0, 2], theta[:, 1, 2] = far * angle.cos(), far * angle.sin()
    grid = F.affine_grid(theta, list(pictures.shape), align_corners=False)
    return F.grid_sample(pictures, grid, padding_mode="border", align_corners=False)


def _own_colour(pictures: Tensor, rng: torch.Generator) -> Tensor:
    """[B, 3, 1, 1]: a colour from near the middle (where things are) or from anywhere."""
    n, _, height, width = pictures.shape
    anywhere = torch.rand(n, 2, generator=rng)
    middle = 0.5 + 0.12 * (anywhere - 0.5)
    place = torch.where(torch.rand(n, 1, generator=rng) < 0.6, middle, anywhere)
    rows, columns = (place * torch.tensor([height - 1, width - 1])).long().unbind(1)
    return pictures[torch.arange(n), :, rows, columns].view(n, 3, 1, 1)
