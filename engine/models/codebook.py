"""From a latent to the codes of a codebook, and back (paper, section 2.1)."""

from __future__ import annotations

import torch
from torch import Tensor

# Distances that are computed at once, 64 MB in float32.
_PART = 1 << 24


def embed_codes(codes: Tensor, codebook: Tensor, height: int, width: int) -> Tensor:
    """The vectors of codes [B, height*width] in a codebook [K, D], as zq [B, D, height, width]."""
    zq: Tensor = codebook[codes].transpose(1, 2).unflatten(2, (height, width))
    return zq


def squared_norms(codebook: Tensor) -> Tensor:
    """||c||^2 of each code [K, D], which :func:`nearest_codes` needs."""
    return codebook.square().sum(1)


def nearest_codes(z: Tensor, codebook: Tensor, norms: Tensor | None = None) -> Tensor:
    """Indices [B, h*w] of the nearest code [K, D] to each token of z [B, D, h, w].

    The distance is ||x||^2 + ||c||^2 - 2 x.c (van den Oord et al. 2017), without the first term,
    which is the same for every code. ``norms`` are the :func:`squared_norms`, if they are known.
    """
    norms = squared_norms(codebook) if norms is None else norms
    tokens = z.flatten(2).transpose(1, 2).flatten(0, 1)
    nearest = [
        torch.addmm(norms, part, codebook.T, alpha=-2).argmin(1)
        for part in tokens.split(max(1, _PART // len(codebook)))
    ]
    return torch.cat(nearest).view(len(z), -1)
