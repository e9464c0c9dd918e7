"""Drawings as their codes: what a prior over latents learns from."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from engine.models.generator import Generator
from engine.training.drawing import draw_array
from engine.training.things import Drawings
from engine.training.world import Mix, sample_scene

_TOGETHER = 25


class CodedDrawings:
    """A growing store of drawings of ``mix``, each as the codes that ``generator`` gives it.

    It begins with ``first`` drawings and takes ``fresh`` more with each :meth:`batch`, up to
    ``most``, from where on they take the place of the oldest.
    """

    def __init__(self, generator: Generator, mix: Mix, drawings: Drawings | None,
                 seed: int | list[int], first: int = 1500, fresh: int = 4,
                 most: int = 40_000) -> None:
        self.generator = generator
        self.mix = mix
        self.drawings = drawings
        self.fresh = fresh
        self.rng = np.random.default_rng(seed)
        self.tokens = generator.resolution // generator.factor
        self.codes = torch.empty(most, self.tokens**2, dtype=torch.int32)
        self.drawn = 0
        for _ in range(-(-first // _TOGETHER)):
            self._draw(_TOGETHER)

    def _draw(self, count: int) -> None:
        side = self.generator.resolution
        pictures = np.stack([draw_array(sample_scene(self.rng, self.mix), self.rng, side,
                                        self.drawings) for _ in range(count)])
        codes = self.generator.encode(torch.from_numpy(pictures).float() / 255)
        rows = (torch.arange(count) + self.drawn) % len(self.codes)
        self.codes[rows] = codes.int()
        self.drawn += count

    def batch(self, size: int) -> Tensor:
        """The codes [size, tokens^2] of random drawings."""
        if self.fresh:
            self._draw(self.fresh)
        there = min(self.drawn, len(self.codes))
        return self.codes[torch.from_numpy(self.rng.integers(there, size=size))].long()
