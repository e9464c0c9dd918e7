"""Captions that fill more of their space, for a run that begins with weights that knew less."""

from __future__ import annotations

import torch

from engine.models.perceptor import Perceptor
from engine.training.asking import encode_asked


@torch.no_grad()
def spread_texts(perceptor: Perceptor, captions: list[str], *, noise: float = 0.05,
                 power: float = 0.7, floor: float = 2e-4, seed: int = 0) -> None:
    """Spread the vectors of ``captions`` over more dimensions, in place.

    Two words that meant nothing to a perceptor begin where all such words do, and what it learns
    of them stays in the few dimensions that it has: so each token first gets ``noise`` of its own
    (standard deviation; embeddings begin with 0.02). Then the text projection is multiplied by
    C^(-``power`` / 2), C being the second moments of the captions' vectors, eigenvalues below
    ``floor`` raised to it: at a power of 1 that is whitening (Kessy et al. 2018), 0 is nothing.
    """
    embedding = perceptor.clip.token_embedding.weight
    embedding += noise * torch.randn(embedding.shape,
                                     generator=torch.Generator().manual_seed(seed))
    texts = encode_asked(perceptor, captions).double()
    values, axes = torch.linalg.eigh(texts.T @ texts / len(texts))
    spread = axes * values.clamp(min=floor).pow(-power / 2) @ axes.T
    projection = perceptor.clip.text_projection
    spread = (projection.double() @ spread).to(projection.dtype)
    projection.copy_(spread * (projection.norm() / spread.norm()))
