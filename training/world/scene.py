"""Scenes: what a picture of the small world shows, in the words that its captions have for it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

SHAPES = ("circle", "square", "triangle", "star", "cross", "heart", "diamond", "ring")
COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (220, 30, 35),
    "orange": (245, 135, 20),
    "yellow": (250, 220, 40),
    "green": (40, 160, 60),
    "turquoise": (40, 200, 190),
    "blue": (35, 80, 215),
    "purple": (130, 50, 180),
    "pink": (250, 135, 185),
    "brown": (125, 75, 35),
    "black": (20, 20, 22),
    "grey": (130, 130, 135),
    "white": (248, 248, 246),
}
PAPER = "paper"
"""The colour of a ground that nobody asked for: no caption tells it, and no thing has it."""
PATTERNS = ("plain", "striped", "checked", "dotted")
SCENERY = ("gradient", "sky", "sea", "night", "grass", "desert", "snow", "city")
"""Grounds that are more than a pattern. A gradient has two colours, the others their own."""
SIZES = ("small", "medium", "big")
RELATIONS = ("left of", "above", "inside")
"""Canonical relations of the first thing to the second; "right of" and "below" are these,
told the other way round (see :mod:`training.world.captions`)."""


@dataclass(frozen=True)
class Thing:
    """A shape of a colour, or a drawn thing (training.world.things), which has its own.

    ``shape`` is its name. ``colour`` is None for a drawn thing of no one colour. ``count`` of
    them, 1 to 3, stand together.
    """

    shape: str
    colour: str | None
    size: str = "medium"
    count: int = 1

    @property
    def drawn(self) -> bool:
        """Whether it is a drawing, not a shape."""
        return self.shape not in SHAPES


@dataclass(frozen=True)
class Ground:
    """What is behind the things: a colour, a pattern of it and ``second``, or scenery.

    ``colour`` of scenery with its own colours is its name.
    """

    colour: str
    pattern: str = "plain"
    second: str | None = None

    @property
    def own_colours(self) -> bool:
        """Whether it is scenery of which the name tells all."""
        return self.pattern == self.colour


@dataclass(frozen=True)
class Scene:
    """One thing, or two with a relation, on a ground, maybe in a style."""

    things: tuple[Thing, ...]
    ground: Ground
    relation: str | None = None
    style: str | None = None

    def with_thing(self, index: int, thing: Thing) -> Scene:
        """The same scene with ``thing`` in the place of the one at ``index``."""
        return replace(self, things=(*self.things[:index], thing, *self.things[index + 1:]))

    def colours_beside(self, index: int) -> set[str | None]:
        """The colours of all but the thing at ``index``; None for what has no one colour."""
        return {self.ground.colour, self.ground.second,
                *(each.colour for i, each in enumerate(self.things) if i != index)}


def sized_by_relation(scene: Scene) -> Scene:
    """Two things in the sizes that show their relation: neither hides the other."""
    if len(scene.things) == 1:
        return scene
    sizes = ("small", "big") if scene.relation == "inside" else ("medium", "medium")
    return replace(scene, things=tuple(replace(thing, size=size) for thing, size
                                       in zip(scene.things, sizes, strict=True)))


def _bucket(*parts: str | None) -> int:
    """A number from 0 to 9 that depends on the words alone, the same on every machine."""
    digest = hashlib.sha256("|".join(str(part) for part in parts).encode()).digest()
    return digest[0] % 10


def held_style(thing: Thing, style: str) -> bool:
    """Whether a drawn thing is kept from training in that style."""
    return thing.drawn and _bucket("style", thing.shape, style) == 0


def held_out(scene: Scene) -> bool:
    """Whether this combination is kept from training.

    One in ten combinations of (shape, colour, ground's colour), one in ten ordered pairs of
    coloured shapes with their relation, and one in ten of a drawn thing with a style. The
    benches ask for these only.
    """
    if scene.style is not None and any(held_style(thing, scene.style) for thing in scene.things):
        return True
    if len(scene.things) == 1:
        thing = scene.things[0]
        return _bucket(thing.shape, thing.colour, scene.ground.colour) == 0
    first, second = scene.things
    return _bucket(first.shape, first.colour, scene.relation, second.shape, second.colour) == 0
