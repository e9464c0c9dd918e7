"""A perceptor whose words have twice the width, that says the same (Net2Net, Chen et al. 2016)."""

from __future__ import annotations

import torch
from torch import Tensor

_TEXT = ("clip.transformer.", "clip.token_embedding", "clip.positional_embedding", "clip.ln_final")
_OUT = "clip.visual.attnpool.c_proj."

# What fills the empty half: so many times the noise that parts twins. A picture's features lie
# along what the old half reads, and chance directions see little of them.
TEXTS_SHARE, PICTURES_SHARE = 5.0, 15.0


def widen(weights: dict[str, Tensor], *, noise: float = 0.0, seed: int = 0) -> dict[str, Tensor]:
    """Twice the text's width and the embedding's, in the weights of a Perceptor with a ResNet.

    Every part of the text is there twice, each half of the sum, and the embedding's new half is
    empty: without ``noise`` each cosine is what it was, up to rounding. But twins learn the same
    and nothing grows from nothing, so ``noise`` (in the standard deviations of what is there)
    parts the one and fills the other.
    """
    generator = torch.Generator().manual_seed(seed)

    def noised(value: Tensor, like: Tensor, share: float = 1.0) -> Tensor:
        chance = torch.randn(value.shape, generator=generator)
        return value + share * noise * like.std() * chance

    wide: dict[str, Tensor] = {}
    for name, value in weights.items():
        if name.endswith("text_projection"):
            both = torch.cat([value, value]) / 2
            wide[name] = torch.cat([both, noised(torch.zeros_like(both), value, TEXTS_SHARE)], 1)
        elif name.startswith(_OUT):
            new = torch.zeros_like(value)
            if value.ndim == 2:
                new = noised(new, value, PICTURES_SHARE)
            wide[name] = torch.cat([value, new])
        elif name.startswith(_TEXT):
            # Queries, keys and values lie in one matrix: each has heads of its own.
            parts = value.chunk(3) if "in_proj" in name else (value,)
            wide[name] = torch.cat([_twice(part, name) for part in parts])
            if value.ndim == 2:
                wide[name] = noised(wide[name], wide[name])
        else:
            wide[name] = value.clone()
    return wide


def _twice(value: Tensor, name: str) -> Tensor:
    if value.ndim == 1:
        return torch.cat([value, value])
    beside = torch.cat([value, value], 1)
    # What is no matrix between two layers is a table: a row each, twice as long.
    return beside if "embedding" in name else torch.cat([beside, beside]) / 2
