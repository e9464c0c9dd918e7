"""Paintings in the making, as the perceptor's opponents.

A bank of real Synthesis objects paints captions of the pool with the perceptor as it is now;
each training step takes a few of them one iteration further, and their half-finished pictures
go into the batch as wrong answers to their own captions. What the perceptor overlooks, the
loop keeps, and so the perceptor is shown just that.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from engine.models.generator import Generator
from engine.models.perceptor import Perceptor
from engine.prompt import Prompt
from engine.recipe import Augmentation, Recipe
from engine.synthesis import Synthesis
from engine.training.captions import Claim, describe
from engine.training.pool import Pool
from engine.training.world import Scene


@dataclass
class Bout:
    """One painting, the scene it should show, and when it ends."""

    scene: Scene
    true: Tensor
    words: str
    claim: Claim
    synthesis: Synthesis
    picture: Tensor
    length: int


class Sparring:
    """The bank. ``true`` pictures are the generator's reconstructions of drawings.

    So a painting differs from the right answer in what it shows, not in how it was made.
    """

    def __init__(self, generator: Generator, perceptor: Perceptor, pool: Pool,
                 augmentation: Augmentation, size: int = 28, seed: int = 21) -> None:
        self.generator = generator
        self.opponent = copy.deepcopy(perceptor).eval().requires_grad_(False)
        self.pool = pool
        self.rng = np.random.default_rng(seed)
        self.recipe = Recipe(width=128, height=128, iterations=10_000, learning_rate=0.6,
                             step="codebook", spread=0.1,
                             augmentation=replace(augmentation, count=4))
        self.turn = 0
        self.bouts = [self._begin() for _ in range(size)]
        # Of all ages from the first batch on, as they will be later.
        for bout in self.bouts:
            for _ in range(int(self.rng.integers(bout.length))):
                bout.picture = bout.synthesis.step().image

    def _begin(self) -> Bout:
        pictures, scenes = self.pool.batch(1)
        which = int(self.rng.integers(2))
        scene, picture = scenes[which], pictures[which: which + 1]
        words, claim = describe(scene, self.rng, full=bool(self.rng.random() < 0.7))
        codes = self.generator.encode(picture)
        with torch.no_grad():
            true = self.generator.decode(self.generator.embed(codes, 8, 8)).clamp(0, 1)[0]
        synthesis = Synthesis(self.generator, self.opponent, [Prompt(words)], self.recipe,
                              seed=int(self.rng.integers(2**31)))
        return Bout(scene, true, words, claim, synthesis, synthesis.look().image,
                    int(self.rng.integers(10, 50)))

    def follow(self, perceptor: Perceptor) -> None:
        """Let the opponents see with the perceptor's present weights."""
        self.opponent.load_state_dict(perceptor.state_dict())

    def go_on(self, count: int) -> None:
        """Take the next ``count`` paintings one iteration further; end those that are old."""
        for _ in range(count):
            bout = self.bouts[self.turn]
            synthesis = bout.synthesis
            with torch.no_grad():
                synthesis.targets = self.opponent.encode_text([bout.words])
            bout.picture = synthesis.step().image
            if synthesis.iteration >= bout.length:
                self.bouts[self.turn] = self._begin()
            self.turn = (self.turn + 1) % len(self.bouts)

    def sample(self, count: int) -> list[Bout]:
        """``count`` different bouts."""
        return [self.bouts[i] for i in self.rng.choice(len(self.bouts), count, replace=False)]
