"""A pool of drawn scenes that the training batches are taken from.

Drawing costs more than a training step can spare, so each picture serves a few times, under
other cutouts and another caption each time, before a new one takes its place.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from engine.training.world import Scene, draw_array, held_out, sample_scene, vary


class Pool:
    """Pairs of a scene and its hardest wrong answer, with their pictures.

    ``pictures`` is [2 * pairs, 3, side, side] bytes: a scene at 2i, its variation at 2i + 1.
    """

    def __init__(self, pairs: int, side: int, seed: int, reuse: float = 6.0) -> None:
        self.rng = np.random.default_rng(seed)
        self.side = side
        self.reuse = reuse
        self.pictures = np.empty((2 * pairs, 3, side, side), dtype=np.uint8)
        self.scenes: list[Scene] = [None] * (2 * pairs)  # type: ignore[list-item]  # filled below
        for pair in range(pairs):
            self._redraw(pair)

    def _redraw(self, pair: int) -> None:
        scene = sample_scene(self.rng)
        other = vary(scene, self.rng)
        while held_out(other):
            other = vary(scene, self.rng)
        for i, each in enumerate((scene, other)):
            self.scenes[2 * pair + i] = each
            self.pictures[2 * pair + i] = draw_array(each, self.rng, self.side)

    def batch(self, pairs: int) -> tuple[Tensor, list[Scene]]:
        """``pairs`` random pairs: pictures [2 * pairs, 3, side, side] in 0..1, and scenes."""
        total = len(self.scenes) // 2
        for pair in self.rng.integers(total, size=max(1, round(pairs / self.reuse))):
            self._redraw(int(pair))
        chosen = self.rng.choice(total, size=pairs, replace=False)
        rows = np.stack([2 * chosen, 2 * chosen + 1], axis=1).reshape(-1)
        pictures = torch.from_numpy(self.pictures[rows]).float() / 255.0
        return pictures, [self.scenes[row] for row in rows]
