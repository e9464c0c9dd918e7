"""Paintings by the generator for the perceptor to learn from: half-way states and real ones.

*States* are decodes of latents between a start, another scene and the right codes. *Bouts* are
captions painted by the loop, as the product paints, with the perceptor's weights of that moment
(:mod:`engine.training.bouts`): what it overlooks, the loop keeps, and so it is shown just that.
Some of the bouts are edits, from the drawing of a near miss, a part of it masked. What they looked
like on the way is remembered for a while, with the pictures that they should have become (the
dataset aggregation of Ross et al. 2011).
"""

from __future__ import annotations

import copy
from collections import deque
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.masking import composite
from engine.models.catalogue import load_catalogue
from engine.models.codebook import embed_codes, nearest_codes
from engine.models.generators.taming import VQGenerator
from engine.models.perceptors.openai_clip import ClipPerceptor
from engine.prompt import Prompt
from engine.recipe import make_recipe
from engine.synthesis import Synthesis
from engine.training.asking import PLUS, ask
from engine.training.bouts import paint_side_by_side
from engine.training.captions import Claim, describe
from engine.training.pool import Pool
from engine.training.precision import bf16_where_fast
from engine.training.scene import Scene
from engine.training.slopes import see
from engine.training.typical import typical_scene

REMEMBERED = (2, 6, 11, 17, 24, 32, 41, 50, 59)
"""The iterations whose pictures are kept: of the first, which change most, more."""


class Sketch:
    """An unfinished picture, the finished one that it should become, and the scene they show.

    ``words`` are the caption and ``claim`` what it claims. Pictures go in and come out as
    [3, H, W] in 0..1, and lie in bytes meanwhile, as there are many.
    """

    def __init__(self, scene: Scene, words: str, claim: Claim, finished: Tensor,
                 unfinished: Tensor) -> None:
        self.scene = scene
        self.words = words
        self.claim = claim
        self._finished = _in_bytes(finished)
        self._unfinished = _in_bytes(unfinished)

    @property
    def finished(self) -> Tensor:
        """What it should become."""
        return self._finished.float() / 255

    @property
    def unfinished(self) -> Tensor:
        """What it is."""
        return self._unfinished.float() / 255


def _in_bytes(picture: Tensor) -> Tensor:
    return (picture * 255).round().byte()


@dataclass
class Bout:
    """One painting, and the picture [3, H, W] of its scene that it should become."""

    scene: Scene
    words: str
    claim: Claim
    right: Tensor
    synthesis: Synthesis

    def sketch(self, picture: Tensor) -> Sketch:
        """What it is and what it should become."""
        return Sketch(self.scene, self.words, self.claim, self.right, picture)


class Rehearsal:
    """The bank of sketches. Finished pictures are the generator's own reconstructions.

    So a painting differs from the right answer in what it shows, not in how it was made.
    ``states`` are kept, ``memory`` sketches of bouts; ``side_by_side`` bouts are painted at once,
    of which the share ``edits`` are edits. They follow the recipe of the catalogue's embedded
    models, but for ``iterations`` where given.
    """

    def __init__(self, generator: VQGenerator, perceptor: ClipPerceptor, pool: Pool,
                 states: int = 160, side_by_side: int = 10, memory: int = 1600, seed: int = 21,
                 edits: float = 0.3, iterations: int | None = None) -> None:
        self.generator = generator
        self.opponent = copy.deepcopy(perceptor).eval().requires_grad_(False)
        self.pool = pool
        self.edits = edits
        self.rng = np.random.default_rng(seed)
        self.draws = torch.Generator().manual_seed(seed)
        self.tokens = pool.side // generator.factor
        self.recipe = make_recipe("default", load_catalogue().model("drawn").defaults,
                                  width=pool.side, height=pool.side, iterations=iterations)
        self.side_by_side = side_by_side
        self.sketches: list[Sketch] = []
        while len(self.sketches) < states:
            self.sketches += self._states(8)
        self.turn = 0
        self.painted: deque[Sketch] = deque(maxlen=memory)

    def paint(self, weights: dict[str, Tensor]) -> float:
        """Paint some captions from start to end with these weights of the perceptor.

        How far from the right pictures they end is returned: the mean squared difference.
        """
        self.opponent.load_state_dict(weights)
        bouts = [self._begin() for _ in range(self.side_by_side)]
        far = 0.0
        for iteration, pictures in enumerate(paint_side_by_side(
                [bout.synthesis for bout in bouts], lambda cut: see(self.opponent, cut), 2,
                self.draws)):
            last = iteration == self.recipe.iterations - 1
            if iteration in REMEMBERED or last:
                sketches = [bout.sketch(picture) for bout, picture in zip(bouts, pictures,
                                                                          strict=True)]
                self.painted.extend(sketches)
                if last:
                    far = sum((each.finished - each.unfinished).square().mean().item()
                              for each in sketches) / len(sketches)
        return far

    def go_on(self, states: int) -> None:
        """Make ``states`` new states in place of old ones."""
        for sketch in self._states(states):
            self.sketches[self.turn] = sketch
            self.turn = (self.turn + 1) % len(self.sketches)

    def sample(self, states: int, painted: int) -> list[Sketch]:
        """So many different ones of each kind."""
        first = self.rng.choice(len(self.sketches), states, replace=False)
        second = self.rng.choice(len(self.painted), painted, replace=False)
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
        length = side * self.generator.factor
        noise = torch.cat([self.generator.random_latent(length, length, self.draws)
                           for _ in scenes])
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
            sketches.append(Sketch(scene, words, claim, finished[i], unfinished[i]))
        return sketches

    def _begin(self) -> Bout:
        _, scenes = self.pool.batch(1)
        which = int(self.rng.integers(2))
        scene, other = scenes[which], scenes[1 - which]
        words, claim = ask(scene, self.rng)
        start = mask = None
        if other != scene and self.rng.random() < self.edits:
            drawn, start, mask = self._edit(scene, other)
        else:
            scene = typical_scene(scene, claim)
            drawn = self._draw(scene, None)
        codes = self.generator.encode(drawn)
        finished = self._decode(self.generator.embed(codes, self.tokens, self.tokens))
        synthesis = Synthesis(self.generator, self.opponent,
                              [Prompt(each) for each in words.split(PLUS)], self.recipe,
                              seed=int(self.rng.integers(2**31)), start=start, mask=mask)
        if synthesis.mask is not None and start is not None:
            finished = composite(finished, start, synthesis.mask.pixels)
        return Bout(scene, words, claim, finished[0], synthesis)

    def _draw(self, scene: Scene, rng: np.random.Generator | None) -> Tensor:
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
