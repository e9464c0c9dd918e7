"""Scenes: what a picture of the drawn world shows.

"Ground" is a drawing's word for the background: the frozen prompts of the benches have it as a key.
"""

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
"""The colour of the ground if the prompt says nothing about it. No caption or thing has it."""
PATTERNS = ("plain", "striped", "checked", "dotted")
SCENERY = ("gradient", "sky", "sea", "night", "grass", "desert", "snow", "city")
"""Grounds that are not a pattern. A gradient has two named colours, the others fixed ones."""
SIZES = ("small", "medium", "big")
RELATIONS = ("left of", "above", "inside")
"""Of the first thing to the second; "right of" and "below" are the same in another order of
words (see :mod:`training.world.captions`)."""


@dataclass(frozen=True)
class Thing:
    """A shape of one colour, or a thing that there is a drawing of (training.world.things).

    ``shape`` is its name. ``colour`` is None for a drawing without a main colour. ``count``, 1 to
    3, is how many there are.
    """

    shape: str
    colour: str | None
    size: str = "medium"
    count: int = 1

    @property
    def drawn(self) -> bool:
        """Whether it is a drawing and not a shape."""
        return self.shape not in SHAPES


@dataclass(frozen=True)
class Ground:
    """The background: one colour, a pattern of it and ``second``, or scenery.

    For scenery with fixed colours, ``colour`` is its name.
    """

    colour: str
    pattern: str = "plain"
    second: str | None = None

    @property
    def own_colours(self) -> bool:
        """Whether it is scenery with fixed colours."""
        return self.pattern == self.colour


@dataclass(frozen=True)
class Scene:
    """One thing, or two with a relation, on a ground, with or without a style."""

    things: tuple[Thing, ...]
    ground: Ground
    relation: str | None = None
    style: str | None = None

    def with_thing(self, index: int, thing: Thing) -> Scene:
        """The same scene with the thing at ``index`` replaced."""
        return replace(self, things=(*self.things[:index], thing, *self.things[index + 1 :]))

    def other_colours(self, index: int) -> set[str | None]:
        """The colours of everything but the thing at ``index``; None for one without a colour."""
        return {
            self.ground.colour,
            self.ground.second,
            *(each.colour for i, each in enumerate(self.things) if i != index),
        }


def sized_by_relation(scene: Scene) -> Scene:
    """The scene with two things in sizes that show their relation: neither hides the other."""
    if len(scene.things) == 1:
        return scene
    sizes = ("small", "big") if scene.relation == "inside" else ("medium", "medium")
    return replace(
        scene,
        things=tuple(
            replace(thing, size=size) for thing, size in zip(scene.things, sizes, strict=True)
        ),
    )


def _bucket(*parts: str | None) -> int:
    """A number from 0 to 9 that depends on the words only, the same on every machine."""
    digest = hashlib.sha256("|".join(str(part) for part in parts).encode()).digest()
    return digest[0] % 10


def is_style_held_out(thing: Thing, style: str) -> bool:
    """Whether a drawn thing in that style is never trained on."""
    return thing.drawn and _bucket("style", thing.shape, style) == 0


def held_out(scene: Scene) -> bool:
    """Whether this combination is never trained on.

    One in ten combinations of (shape, colour, ground's colour), one in ten ordered pairs of
    coloured shapes with their relation, and one in ten of a drawn thing with a style. The
    benches use only these.
    """
    if scene.style is not None and any(
        is_style_held_out(thing, scene.style) for thing in scene.things
    ):
        return True
    if len(scene.things) == 1:
        thing = scene.things[0]
        return _bucket(thing.shape, thing.colour, scene.ground.colour) == 0
    first, second = scene.things
    return _bucket(first.shape, first.colour, scene.relation, second.shape, second.colour) == 0
