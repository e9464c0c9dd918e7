"""A pool of drawn scenes that training batches are taken from.

Drawing takes longer than a training step, so each picture is used a few times before a new one
replaces it.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from training.world.drawing import draw_array
from training.world.sampling import SHAPES_ONLY, Mix, near_miss, sample_scene
from training.world.scene import Scene, held_out
from training.world.things import Drawings


class ScenePool:
    """Pairs of a scene and a near miss, with their pictures.

    ``pictures`` is [2 * pairs, 3, side, side] bytes: a scene at 2i, its near miss at 2i + 1.

    Args:
        pairs: The number of pairs.
        side: Of the pictures, in pixels.
        seed: Of scenes, pictures and batches.
        reuse: How often a picture is used on average before it is replaced.
        alike: The share of near misses drawn with the scene's own random numbers: the same place,
            size and shades, so that only what captions say differs.
        mix: What the scenes consist of.
        drawings: The drawings of drawn things, if ``mix`` has any.
        typical: The share of pairs whose pictures are the typical ones.
    """

    def __init__(
        self,
        pairs: int,
        side: int,
        seed: int | list[int],
        reuse: float = 6.0,
        alike: float = 0.7,
        mix: Mix = SHAPES_ONLY,
        drawings: Drawings | None = None,
        typical: float = 0.0,
    ) -> None:
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
        other = near_miss(scene, self.rng, self.mix.styles)
        while held_out(other):
            other = near_miss(scene, self.rng, self.mix.styles)
        first, second = self.rng.integers(2**31, size=2)
        if self.rng.random() < self.alike:
            second = first
        typical = self.typical > 0 and self.rng.random() < self.typical
        for i, (each, seed) in enumerate(((scene, first), (other, second))):
            self.scenes[2 * pair + i] = each
            self.pictures[2 * pair + i] = self.draw(
                each, None if typical else np.random.default_rng(seed)
            )

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
