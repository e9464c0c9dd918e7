"""From a latent to the codes of a codebook, and back (paper, section 2.1)."""

from __future__ import annotations

from torch import Tensor


def embed_codes(codes: Tensor, codebook: Tensor, height: int, width: int) -> Tensor:
    """The vectors of codes [B, height*width] in a codebook [K, D], as zq [B, D, height, width]."""
    zq: Tensor = codebook[codes].transpose(1, 2).unflatten(2, (height, width))
    return zq


def nearest_codes(z: Tensor, codebook: Tensor) -> Tensor:
    """Indices [B, h*w] of the nearest code [K, D] to each token of z [B, D, h, w].

    The distance is ||x||^2 + ||c||^2 - 2 x.c (van den Oord et al. 2017), without the first term,
    which is the same for every code.
    """
    tokens = z.flatten(2).transpose(1, 2)
    distance = (codebook**2).sum(1) - 2 * tokens @ codebook.T
    return distance.argmin(dim=-1)
