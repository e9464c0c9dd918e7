"""Pictures on the way: what the loop may hold when it asks the perceptor where to go.

A drawing is taken back to some earlier state: to bare colour, to another picture, to blobs, or
to a blur, in places or all over. The perceptor learns from each pair which way its finished
picture lies (:mod:`engine.training.perceptor`).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.training.spoiling import spoil


def unfinish(finished: Tensor, others: Tensor, rng: torch.Generator) -> Tensor:
    """An earlier state of each of ``finished`` [B, 3, H, W] in 0..1.

    ``others`` are other pictures of the same shape, which some of the states are taken from: a
    painting passes through what it is not. From nearly finished to nothing of it.
    """
    n = len(finished)
    kind = torch.rand(n, 1, 1, 1, generator=rng)
    bare = _bare(finished, rng)
    start = torch.where(kind < 0.3, bare, torch.where(kind < 0.75, others, spoil(finished, rng)))
    share = _share(finished, rng)
    unfinished = torch.lerp(start, finished, share)
    blurred = _blurred(unfinished, rng)
    some = torch.rand(n, 1, 1, 1, generator=rng)
    unfinished = torch.where(some < 0.5, blurred, unfinished)
    return _clouded(unfinished, rng)


def fade(finished: Tensor, rng: torch.Generator, some: float) -> Tensor:
    """The share ``some`` of ``finished`` [B, 3, H, W] faint, as a painting's first steps are.

    A quarter of each at least is left, on bare colour or clouds; a few are blurred.
    """
    chosen = torch.rand(len(finished), generator=rng) < some
    whole = finished[chosen]
    if len(whole) == 0:
        return finished
    share = 0.25 + 0.75 * _share(whole, rng)
    faint = torch.lerp(_bare(whole, rng), whole, share)
    blurred = torch.rand(len(whole), 1, 1, 1, generator=rng) < 0.3
    result = finished.clone()
    result[chosen] = _clouded(torch.where(blurred, _blurred(faint, rng), faint), rng)
    return result


def _clouded(pictures: Tensor, rng: torch.Generator) -> Tensor:
    """Clouds over some of them."""
    n, _, _, side = pictures.shape
    noise = _cloud(n, side, rng, 3) * 0.25 * torch.rand(n, 1, 1, 1, generator=rng)
    some = torch.rand(n, 1, 1, 1, generator=rng)
    return (pictures + noise * (some < 0.6)).clamp(0, 1)


def _bare(pictures: Tensor, rng: torch.Generator) -> Tensor:
    """One colour, from grey to any, with clouds of other colours on it."""
    n, _, _, side = pictures.shape
    any_colour = torch.rand(n, 3, 1, 1, generator=rng)
    colour = torch.lerp(pictures.mean((2, 3), keepdim=True), any_colour,
                        torch.rand(n, 1, 1, 1, generator=rng))
    return colour + _cloud(n, side, rng, 3) * 0.5 * torch.rand(n, 1, 1, 1, generator=rng)


def _cloud(n: int, side: int, rng: torch.Generator, channels: int) -> Tensor:
    """Smooth noise [n, channels, side, side] of unit variance at its knots, 2 to 32 a side."""
    knots = 2 ** int(torch.randint(1, 6, (1,), generator=rng))
    noise = torch.randn(n, channels, knots, knots, generator=rng)
    return F.interpolate(noise, (side, side), mode="bilinear", align_corners=False)


def _share(pictures: Tensor, rng: torch.Generator) -> Tensor:
    """How much is finished already, [B, 1, H, W] in 0..1: even, or more in some places."""
    n, _, _, side = pictures.shape
    even = torch.rand(n, 1, 1, 1, generator=rng)
    uneven = (_cloud(n, side, rng, 1) * 6 + (even - 0.5) * 8).sigmoid()
    return torch.where(torch.rand(n, 1, 1, 1, generator=rng) < 0.5, even.expand_as(uneven), uneven)


def _blurred(pictures: Tensor, rng: torch.Generator) -> Tensor:
    side = pictures.shape[-1]
    small = side // 2 ** int(torch.randint(1, 5, (1,), generator=rng))
    pooled = F.adaptive_avg_pool2d(pictures, small)
    return F.interpolate(pooled, (side, side), mode="bilinear", align_corners=False)
