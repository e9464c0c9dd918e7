"""A pool of drawn scenes that the training batches are taken from.

Drawing costs more than a training step can spare, so each picture serves a few times, under
other cutouts and another caption each time, before a new one takes its place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from engine.training.world import (
    COLOURS,
    RELATIONS,
    SHAPES,
    Scene,
    Thing,
    draw_array,
    held_out,
    sample_scene,
    sized_by_relation,
    vary,
)


class Pool:
    """Pairs of a scene and its hardest wrong answer, with their pictures.

    ``pictures`` is [2 * pairs, 3, side, side] bytes: a scene at 2i, its variation at 2i + 1. The
    share ``alike`` of the variations is drawn with the scene's own random numbers, so that
    place, size and shades agree, and only what the words tell differs. ``sample`` draws the scenes.
    """

    def __init__(self, pairs: int, side: int, seed: int, reuse: float = 6.0,
                 alike: float = 0.7,
                 sample: Callable[[np.random.Generator], Scene] = sample_scene) -> None:
        self.rng = np.random.default_rng(seed)
        self.side = side
        self.reuse = reuse
        self.alike = alike
        self.sample = sample
        self.pictures = np.empty((2 * pairs, 3, side, side), dtype=np.uint8)
        self.scenes: list[Scene] = [None] * (2 * pairs)  # type: ignore[list-item]  # filled below
        for pair in range(pairs):
            self._redraw(pair)

    def _redraw(self, pair: int) -> None:
        scene = self.sample(self.rng)
        other = vary(scene, self.rng)
        while held_out(other):
            other = vary(scene, self.rng)
        first, second = self.rng.integers(2**31, size=2)
        if self.rng.random() < self.alike:
            second = first
        for i, (each, seed) in enumerate(((scene, first), (other, second))):
            self.scenes[2 * pair + i] = each
            self.pictures[2 * pair + i] = draw_array(each, np.random.default_rng(seed), self.side)

    def batch(self, pairs: int) -> tuple[Tensor, list[Scene]]:
        """``pairs`` random pairs: pictures [2 * pairs, 3, side, side] in 0..1, and scenes."""
        total = len(self.scenes) // 2
        for pair in self.rng.integers(total, size=max(1, round(pairs / self.reuse))):
            self._redraw(int(pair))
        chosen = self.rng.choice(total, size=pairs, replace=False)
        rows = np.stack([2 * chosen, 2 * chosen + 1], axis=1).reshape(-1)
        pictures = torch.from_numpy(self.pictures[rows]).float() / 255.0
        return pictures, [self.scenes[row] for row in rows]


class Families:
    """Families of scenes that differ in one respect alone, drawn alike.

    The respect is a thing's shape, a thing's colour, or, of two things, which is which and
    where: within a family nothing else tells, so just that has to be learned. What is held out
    of training is left out. No family has more than ``largest`` members.
    """

    def __init__(self, families: int, side: int, seed: int,
                 sample: Callable[[np.random.Generator], Scene] = sample_scene,
                 largest: int = 8) -> None:
        self.rng = np.random.default_rng(seed)
        self.side = side
        self.sample = sample
        self.largest = largest
        self.families = [self._draw() for _ in range(families)]

    def _draw(self) -> list[tuple[Scene, np.ndarray]]:
        members: list[Scene] = []
        while len(members) < 2:
            scene = self.sample(self.rng)
            respects = [_shapes, _shapes, _colours] if len(scene.things) == 1 else [
                _shapes, _colours, _arrangements, _arrangements]
            differing = respects[int(self.rng.integers(len(respects)))]
            members = [each for each in differing(scene, self.rng) if not held_out(each)]
        seed = int(self.rng.integers(2**31))
        order = self.rng.permutation(len(members))[: self.largest]
        return [(members[i], draw_array(members[i], np.random.default_rng(seed), self.side))
                for i in order]

    def batch(self, count: int) -> list[tuple[Tensor, list[Scene]]]:
        """``count`` families: each its pictures [N, 3, side, side] in 0..1 and their scenes."""
        self.families[int(self.rng.integers(len(self.families)))] = self._draw()
        chosen = self.rng.choice(len(self.families), count, replace=False)
        return [(torch.from_numpy(np.stack([drawn for _, drawn in self.families[i]])).float() / 255,
                 [scene for scene, _ in self.families[i]]) for i in chosen]


def _with_thing(scene: Scene, index: int, thing: Thing) -> Scene:
    return replace(scene, things=(*scene.things[:index], thing, *scene.things[index + 1:]))


def _shapes(scene: Scene, rng: np.random.Generator) -> list[Scene]:
    """One of the things in every shape."""
    index = int(rng.integers(len(scene.things)))
    return [_with_thing(scene, index, replace(scene.things[index], shape=shape))
            for shape in SHAPES]


def _colours(scene: Scene, rng: np.random.Generator) -> list[Scene]:
    """One of the things in every colour that nothing else has."""
    index = int(rng.integers(len(scene.things)))
    taken = {scene.ground.colour, scene.ground.second,
             *(each.colour for i, each in enumerate(scene.things) if i != index)}
    return [_with_thing(scene, index, replace(scene.things[index], colour=colour))
            for colour in COLOURS if colour not in taken]


def _arrangements(scene: Scene, rng: np.random.Generator) -> list[Scene]:
    """Two things in each relation, and with their shapes, their colours, or both exchanged."""
    first, second = scene.things
    swapped = (replace(first, shape=second.shape), replace(second, shape=first.shape))
    orders = [(first, second), swapped]
    orders += [(replace(a, colour=b.colour), replace(b, colour=a.colour)) for a, b in orders]
    return list(dict.fromkeys(
        sized_by_relation(replace(scene, things=things, relation=relation))
        for relation in RELATIONS for things in orders
        if relation != "inside" or things[0].colour != things[1].colour))
