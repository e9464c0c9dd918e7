"""A pool of drawn scenes that the training batches are taken from.

Drawing costs more than a training step can spare, so each picture serves a few times, under
other cutouts and another caption each time, before a new one takes its place.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from training.world.drawing import draw_array
from training.world.sampling import SHAPES_ALONE, Mix, sample_scene, vary
from training.world.scene import Scene, held_out
from training.world.things import Drawings


class ScenePool:
    """Pairs of a scene and its hardest wrong answer, with their pictures.

    ``pictures`` is [2 * pairs, 3, side, side] bytes: a scene at 2i, its variation at 2i + 1. The
    share ``alike`` of the variations is drawn with the scene's own random numbers, so that
    place, size and shades agree, and only what the words tell differs; of the share ``typical``
    both pictures are the typical ones. ``mix`` is what scenes there are; with drawn things in it,
    ``drawings`` has their pictures.
    """

    def __init__(self, pairs: int, side: int, seed: int | list[int], reuse: float = 6.0,
                 alike: float = 0.7, mix: Mix = SHAPES_ALONE,
                 drawings: Drawings | None = None, typical: float = 0.0) -> None:
        self.rng = np.random.default_rng(seed)
        self.side = side
        self.reuse = reuse
        self.alike = alike
        self.mix = mix
        self.typical = typical
        self.drawings = drawings
        self.pictures = np.empty((2 * pairs, 3, side, side), dtype=np.uint8)
        self.scenes: list[Scene] = [None] * (2 * pairs)  # type: ignore[list-item]  # filled below
        for pair in range(pairs):
            self._redraw(pair)

    def _redraw(self, pair: int) -> None:
        scene = sample_scene(self.rng, self.mix)
        other = vary(scene, self.rng, self.mix.styles)
        while held_out(other):
            other = vary(scene, self.rng, self.mix.styles)
        first, second = self.rng.integers(2**31, size=2)
        if self.rng.random() < self.alike:
            second = first
        typical = self.typical > 0 and self.rng.random() < self.typical
        for i, (each, seed) in enumerate(((scene, first), (other, second))):
            self.scenes[2 * pair + i] = each
            self.pictures[2 * pair + i] = self.draw(
                each, None if typical else np.random.default_rng(seed))

    def draw(self, scene: Scene, rng: np.random.Generator | None) -> np.ndarray:
        """The scene's picture [3, side, side] in bytes; the typical one without ``rng``."""
        return draw_array(scene, rng, self.side, self.drawings)

    def batch(self, pairs: int) -> tuple[Tensor, list[Scene]]:
        """``pairs`` random pairs: pictures [2 * pairs, 3, side, side] in 0..1, and scenes."""
        total = len(self.scenes) // 2
        for pair in self.rng.integers(total, size=max(1, round(pairs / self.reuse))):
            self._redraw(int(pair))
        chosen = self.rng.choice(total, size=pairs, replace=False)
        rows = np.stack([2 * chosen, 2 * chosen + 1], axis=1).reshape(-1)
        pictures = torch.from_numpy(self.pictures[rows]).float() / 255.0
        return pictures, [self.scenes[row] for row in rows]
