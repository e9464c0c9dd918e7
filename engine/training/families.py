"""Families of scenes: pictures of which only the words in question tell one from another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from engine.training.pool import Pool
from engine.training.scene import (
    COLOURS,
    RELATIONS,
    SHAPES,
    Scene,
    held_out,
    sized_by_relation,
)
from engine.training.things import drawn_things
from engine.training.world import sample_scene


class Families:
    """Families of scenes that differ in one respect alone, drawn alike.

    The respect is a thing's shape, a thing's colour, a plain ground's colour, or, of two things,
    which is which and where: within a family nothing else tells, so just that has to be learned.
    What is held out of training is left out. No family has more than ``largest`` members.
    """

    def __init__(self, families: int, pool: Pool, seed: int, largest: int = 8) -> None:
        self.rng = np.random.default_rng(seed)
        self.pool = pool
        self.largest = largest
        self.families = [self._draw() for _ in range(families)]

    def _draw(self) -> list[tuple[Scene, np.ndarray]]:
        members: list[Scene] = []
        while len(members) < 2:
            scene = sample_scene(self.rng, self.pool.mix)
            members = [each for each in _family(scene, self.rng) if not held_out(each)]
        seed = int(self.rng.integers(2**31))
        order = self.rng.permutation(len(members))[: self.largest]
        return [(members[i], self.pool.draw(members[i], np.random.default_rng(seed)))
                for i in order]

    def batch(self, count: int) -> list[tuple[Tensor, list[Scene]]]:
        """``count`` families: each its pictures [N, 3, side, side] in 0..1 and their scenes."""
        self.families[int(self.rng.integers(len(self.families)))] = self._draw()
        chosen = self.rng.choice(len(self.families), count, replace=False)
        return [(torch.from_numpy(np.stack([drawn for _, drawn in self.families[i]])).float() / 255,
                 [scene for scene, _ in self.families[i]]) for i in chosen]


def _family(scene: Scene, rng: np.random.Generator) -> list[Scene]:
    """``scene`` and others that differ from it in one respect, which is chosen by chance."""
    # Not in a style: neon and charcoal leave nothing of a ground's colour.
    if scene.ground.pattern == "plain" and scene.style is None and rng.random() < 0.25:
        return _grounds(scene)
    index = int(rng.integers(len(scene.things)))
    drawn = scene.things[index].drawn
    respects = [_drawings] if drawn else [_shapes, _colours]
    if len(scene.things) == 2 and rng.random() < 0.5:
        return _arrangements(scene)
    if len(scene.things) == 1 and not drawn:
        respects.append(_shapes)  # what gives one thing away is its shape more than its colour
    return respects[int(rng.integers(len(respects)))](scene, index, rng)


def _shapes(scene: Scene, index: int, rng: np.random.Generator) -> list[Scene]:
    """One of the things in every shape."""
    return [scene.with_thing(index, replace(scene.things[index], shape=shape))
            for shape in SHAPES]


def _drawings(scene: Scene, index: int, rng: np.random.Generator) -> list[Scene]:
    """Other drawn things in place of one: half of them of its kind, half of its colour."""
    thing, every = scene.things[index], list(drawn_things().values())
    kind = drawn_things()[thing.shape].kind
    without = {*scene.colours_beside(index), *(each.shape for each in scene.things)}
    near = [each for each in every if each.kind == kind]
    alike = [each for each in every if each.colour == thing.colour]
    chosen = [scene]
    for among in (near, alike, every):
        fitting = [each for each in among if each.fits(thing.count, without)]
        for i in rng.permutation(len(fitting))[:4]:
            without.add(fitting[i].name)
            chosen.append(scene.with_thing(index, fitting[i].thing(thing.size, thing.count)))
    return chosen


def _colours(scene: Scene, index: int, rng: np.random.Generator) -> list[Scene]:
    """One of the things in every colour that nothing else has."""
    taken = scene.colours_beside(index)
    return [scene.with_thing(index, replace(scene.things[index], colour=colour))
            for colour in COLOURS if colour not in taken]


def _grounds(scene: Scene) -> list[Scene]:
    """A plain ground in every colour that no thing has."""
    taken = {thing.colour for thing in scene.things}
    return [replace(scene, ground=replace(scene.ground, colour=colour))
            for colour in COLOURS if colour not in taken]


def _arrangements(scene: Scene) -> list[Scene]:
    """Two things in each relation, and with their shapes, their colours, or both exchanged."""
    first, second = scene.things
    orders = [(first, second), (second, first)]
    if not (first.drawn or second.drawn):
        orders += [(replace(a, colour=b.colour), replace(b, colour=a.colour)) for a, b in orders]
    return list(dict.fromkeys(
        sized_by_relation(replace(scene, things=things, relation=relation))
        for relation in RELATIONS for things in orders
        if relation != "inside" or (things[0].colour != things[1].colour
                                    and not things[1].drawn)))
