"""Paintings by the generator for the perceptor to learn from: half-way states and real ones.

Two kinds are kept in one bank. *States* are decodes of latents between a start, another scene
and the right codes. *Bouts* are real Synthesis objects that paint captions with the perceptor
as it is now, some iterations further each step: what it overlooks, the loop keeps, and so it is
shown just that. Some of the bouts are edits, from the drawing of a near miss, a part of it masked.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.latent import random_codes
from engine.masking import composite
from engine.models.generator import Generator, embed_codes, nearest_codes
from engine.models.perceptor import Perceptor
from engine.prompt import Prompt
from engine.recipe import Augmentation, Recipe
from engine.synthesis import Synthesis
from engine.training.asking import PLUS, ask
from engine.training.captions import Claim, describe
from engine.training.pool import Pool
from engine.training.precision import bf16_where_fast
from engine.training.scene import Scene
from engine.training.world import on_any_ground


@dataclass
class Sketch:
    """An unfinished picture [3, H, W], the finished one that it should become, the scene."""

    scene: Scene
    finished: Tensor
    unfinished: Tensor
    words: str
    claim: Claim


@dataclass
class Bout:
    """One painting, several right pictures [K, 3, H, W] of its scene, and when it ends."""

    scene: Scene
    right: Tensor
    words: str
    claim: Claim
    synthesis: Synthesis
    length: int


class Rehearsal:
    """The bank of sketches. Finished pictures are the generator's own reconstructions.

    So a painting differs from the right answer in what it shows, not in how it was made.
    ``states`` and ``bouts`` are how many of each are kept; the share ``edits`` of bouts are edits.
    """

    def __init__(self, generator: Generator, perceptor: Perceptor, pool: Pool,
                 augmentation: Augmentation, states: int = 240, bouts: int = 32,
                 seed: int = 21, edits: float = 0.35) -> None:
        self.generator = generator
        self.opponent = copy.deepcopy(perceptor).eval().requires_grad_(False)
        self.pool = pool
        self.edits = edits
        self.rng = np.random.default_rng(seed)
        self.draws = torch.Generator().manual_seed(seed)
        self.tokens = pool.side // generator.factor
        self.recipe = Recipe(width=pool.side, height=pool.side, iterations=10_000,
                             learning_rate=0.3, step="codebook", spread=0.1,
                             augmentation=Augmentation(**{**vars(augmentation), "count": 4}))
        self.sketches: list[Sketch] = []
        while len(self.sketches) < states:
            self.sketches += self._states(8)
        self.turn = 0
        self.turns = 0
        self.bouts = [self._begin() for _ in range(bouts)]
        self.painted = [self._sketch(bout, bout.synthesis.look().image) for bout in self.bouts]

    def follow(self, perceptor: Perceptor) -> None:
        """Let the bouts be painted with the perceptor's present weights."""
        self.opponent.load_state_dict(perceptor.state_dict())

    def go_on(self, states: int, bouts: int) -> None:
        """Make ``states`` new states in place of old ones; take ``bouts`` bouts further."""
        for sketch in self._states(states):
            self.sketches[self.turn] = sketch
            self.turn = (self.turn + 1) % len(self.sketches)
        for _ in range(bouts):
            which = self.turns % len(self.bouts)
            bout = self.bouts[which]
            with torch.no_grad():
                bout.synthesis.targets = self.opponent.encode_text(bout.words.split(PLUS))
            with bf16_where_fast():
                picture = bout.synthesis.step().image
            self.painted[which] = self._sketch(bout, picture.float())
            if bout.synthesis.iteration >= bout.length:
                self.bouts[which] = self._begin()
            self.turns += 1

    def sample(self, states: int, bouts: int) -> list[Sketch]:
        """So many different ones of each kind."""
        first = self.rng.choice(len(self.sketches), states, replace=False)
        second = self.rng.choice(len(self.painted), bouts, replace=False)
        return [self.sketches[i] for i in first] + [self.painted[i] for i in second]

    def _decode(self, zq: Tensor) -> Tensor:
        with torch.no_grad(), bf16_where_fast():
            return self.generator.decode(zq).float().clamp(0, 1)

    @torch.no_grad()
    def _states(self, count: int) -> list[Sketch]:
        pictures, scenes = self.pool.batch((count + 1) // 2)
        codes = self.generator.encode(pictures)
        book, side = self.generator.codebook, self.tokens
        right = embed_codes(codes, book, side, side)
        mean = book.mean(0).view(1, -1, 1, 1)
        noise = embed_codes(torch.cat([random_codes(self.generator, side, side, self.draws)
                                       for _ in scenes]), book, side, side)
        bare = mean + (noise - mean) * torch.rand(len(scenes), 1, 1, 1, generator=self.draws)
        sibling = right.unflatten(0, (-1, 2)).flip(1).flatten(0, 1)
        start = torch.where(torch.rand(len(scenes), 1, 1, 1, generator=self.draws) < 0.5,
                            bare, sibling)
        even = torch.rand(len(scenes), 1, 1, 1, generator=self.draws)
        spread = torch.rand(len(scenes), 1, 1, 1, generator=self.draws)
        local = torch.rand(len(scenes), 1, side, side, generator=self.draws)
        share = (even + (local - 0.5) * spread).clamp(0, 1)
        between = torch.lerp(start, right, share)
        chosen = nearest_codes(between, book)
        decoded = self._decode(torch.cat([right, embed_codes(chosen, book, side, side)]))
        finished, unfinished = decoded.chunk(2)
        sketches = []
        for i, scene in enumerate(scenes):
            words, claim = describe(scene, self.rng, full=bool(self.rng.random() < 0.5))
            sketches.append(Sketch(scene, finished[i], unfinished[i], words, claim))
        return sketches

    def _begin(self, right: int = 10) -> Bout:
        _, scenes = self.pool.batch(1)
        which = int(self.rng.integers(2))
        scene, other = scenes[which], scenes[1 - which]
        words, claim = ask(scene, self.rng)
        start = mask = None
        if other != scene and self.rng.random() < self.edits:
            drawn, start, mask = self._edit(scene, other)
        else:
            # Of a ground that nobody asked for any is right, but a ground it should be.
            every = [scene if claim.ground_colour is not None else
                     on_any_ground(scene, self.rng, self.pool.mix) for _ in range(right)]
            drawn = torch.cat([self._draw(each, self.rng) for each in every])
        codes = self.generator.encode(drawn)
        finished = self._decode(self.generator.embed(codes, self.tokens, self.tokens))
        synthesis = Synthesis(self.generator, self.opponent,
                              [Prompt(each) for each in words.split(PLUS)], self.recipe,
                              seed=int(self.rng.integers(2**31)), start=start, mask=mask)
        if synthesis.mask is not None and start is not None:
            finished = composite(finished, start, synthesis.mask.pixels)
        return Bout(scene, finished, words, claim, synthesis, int(self.rng.integers(10, 60)))

    def _draw(self, scene: Scene, rng: np.random.Generator) -> Tensor:
        return torch.from_numpy(self.pool.draw(scene, rng))[None].float() / 255

    def _edit(self, scene: Scene, other: Scene) -> tuple[Tensor, Tensor, Tensor | None]:
        """``scene`` and ``other`` drawn alike, the latter to start from, and where they differ.

        Half of the edits have no mask, nor has one that changes next to all or nothing.
        """
        seed = int(self.rng.integers(2**31))
        right, start = (self._draw(each, np.random.default_rng(seed)) for each in (scene, other))
        differing = ((right - start).abs().amax(1, keepdim=True) > 0.1).float()
        masked = 0.01 < differing.mean() < 0.95 and self.rng.random() < 0.5
        return right, start, differing if masked else None

    def _sketch(self, bout: Bout, picture: Tensor) -> Sketch:
        """The nearest right picture is the one that the painting should become."""
        far = (bout.right - picture).square().mean((1, 2, 3))
        return Sketch(bout.scene, bout.right[int(far.argmin())], picture, bout.words, bout.claim)
