"""The small world the embedded models know: shapes, colours, grounds, relations, styles.

A :class:`Scene` is a description; :func:`draw` makes its picture. Everything random
about a picture (exact place, exact size, shade of the colour, texture) is drawn from
the generator that is passed in, so a seed gives the same data set on every machine.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from engine.training.styles import STYLES, apply_style

Array = npt.NDArray[np.float32]
Point = tuple[float, float]

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
PATTERNS = ("plain", "striped", "checked", "dotted")
SIZES = ("small", "medium", "big")
RELATIONS = ("left of", "above", "inside")
"""Canonical relations of the first thing to the second; "right of" and "below" are these,
told the other way round (see :mod:`engine.training.captions`)."""

_RADIUS = {"small": (0.14, 0.18), "medium": (0.23, 0.29), "big": (0.35, 0.40)}
_SUPERSAMPLE = 2


@dataclass(frozen=True)
class Thing:
    """One shape: its name, its colour's name, its size's name."""

    shape: str
    colour: str
    size: str = "medium"


@dataclass(frozen=True)
class Ground:
    """What is behind the things. ``second`` is the pattern's other colour, none if plain."""

    colour: str
    pattern: str = "plain"
    second: str | None = None


@dataclass(frozen=True)
class Scene:
    """One thing, or two with a relation, on a ground, maybe in a style."""

    things: tuple[Thing, ...]
    ground: Ground
    relation: str | None = None
    style: str | None = None


def _bucket(*parts: str | None) -> int:
    """A number from 0 to 9 that depends on the words alone, the same on every machine."""
    digest = hashlib.sha256("|".join(str(part) for part in parts).encode()).digest()
    return digest[0] % 10


def held_out(scene: Scene) -> bool:
    """Whether this combination is kept from training.

    One in ten combinations of (shape, colour, ground's colour), and one in ten ordered
    pairs of coloured shapes with their relation. ``bench.fidelity`` asks for these only.
    """
    if len(scene.things) == 1:
        thing = scene.things[0]
        return _bucket(thing.shape, thing.colour, scene.ground.colour) == 0
    first, second = scene.things
    return _bucket(first.shape, first.colour, scene.relation, second.shape, second.colour) == 0


def sample_scene(rng: np.random.Generator, *, held: bool = False, styled: float = 0.25,
                 pairs: float = 0.4, plain: float = 0.6) -> Scene:
    """A random scene, from the held-out combinations if ``held``, else from the others.

    ``styled``, ``pairs`` and ``plain`` are the shares (0 to 1) of scenes in a style, of scenes
    with two things, and of grounds without a pattern.
    """
    while True:
        scene = _any_scene(rng, styled, pairs, plain)
        if held_out(scene) == held:
            return scene


def _pick(rng: np.random.Generator, names: tuple[str, ...], *without: str | None) -> str:
    left = [name for name in names if name not in without]
    return left[int(rng.integers(len(left)))]


def _any_scene(rng: np.random.Generator, styled: float, pairs: float, plain: float) -> Scene:
    colours = tuple(COLOURS)
    ground_colour = _pick(rng, colours)
    pattern = "plain" if rng.random() < plain else _pick(rng, PATTERNS[1:])
    second = None if pattern == "plain" else _pick(rng, colours, ground_colour)
    ground = Ground(ground_colour, pattern, second)
    style = _pick(rng, tuple(STYLES)) if rng.random() < styled else None
    if rng.random() >= pairs:
        colour = _pick(rng, colours, ground_colour, second)
        size = _pick(rng, SIZES) if rng.random() < 0.5 else "medium"
        return Scene((Thing(_pick(rng, SHAPES), colour, size),), ground, None, style)
    relation = _pick(rng, RELATIONS)
    first_colour = _pick(rng, colours, ground_colour, second)
    taken = first_colour if relation == "inside" else None
    second_colour = _pick(rng, colours, ground_colour, second, taken)
    without = "ring" if relation == "inside" else None
    things = (Thing(_pick(rng, SHAPES), first_colour),
              Thing(_pick(rng, SHAPES, without), second_colour))
    return sized_by_relation(Scene(things, ground, relation, style))


def sized_by_relation(scene: Scene) -> Scene:
    """Two things in the sizes that show their relation: neither hides the other."""
    if len(scene.things) == 1:
        return scene
    sizes = ("small", "big") if scene.relation == "inside" else ("medium", "medium")
    return replace(scene, things=tuple(replace(thing, size=size) for thing, size
                                       in zip(scene.things, sizes, strict=True)))


def vary(scene: Scene, rng: np.random.Generator) -> Scene:
    """The same scene with one attribute changed: the hardest wrong answer to it.

    Where two things share what is to be swapped, the scene comes back as it was; captions are
    matched to scenes by what they say, so that is one more right answer, not a wrong one.
    """
    colours = tuple(COLOURS)
    ground = scene.ground
    index = int(rng.integers(len(scene.things)))
    thing = scene.things[index]
    choices = ["shape", "shape", "colour", "ground"]
    if scene.relation is not None:
        choices += ["swap colours", "swap shapes", "relation", "swap"]
    if scene.style is not None:
        choices.append("style")
    kind = choices[int(rng.integers(len(choices)))]
    if kind == "shape":
        thing = replace(thing, shape=_pick(rng, SHAPES, thing.shape))
    elif kind == "colour":
        other = {each.colour for each in scene.things}
        thing = replace(thing, colour=_pick(rng, colours, ground.colour, ground.second, *other))
    elif kind == "ground":
        mine = {each.colour for each in scene.things}
        colour = _pick(rng, colours, ground.colour, ground.second, *mine)
        return replace(scene, ground=replace(ground, colour=colour))
    elif kind == "style":
        return replace(scene, style=_pick(rng, tuple(STYLES), scene.style))
    elif kind == "relation":
        return sized_by_relation(replace(scene, relation=_pick(rng, RELATIONS, scene.relation)))
    else:
        first, second = scene.things
        if kind == "swap":
            pair = (second, first)
        elif kind == "swap colours":
            pair = (replace(first, colour=second.colour), replace(second, colour=first.colour))
        else:
            pair = (replace(first, shape=second.shape), replace(second, shape=first.shape))
        return sized_by_relation(replace(scene, things=pair))
    things = tuple(thing if i == index else each for i, each in enumerate(scene.things))
    return replace(scene, things=things)


# Drawing


def _shade(colour: str, rng: np.random.Generator) -> tuple[int, int, int]:
    """The colour with a little of the variation that its name covers."""
    base = np.asarray(COLOURS[colour], dtype=np.float64)
    wiggle = rng.normal(0.0, 7.0, 3) + rng.normal(0.0, 5.0)
    red, green, blue = np.clip(base + wiggle, 0, 255).astype(int)
    return int(red), int(green), int(blue)


def _outline(shape: str, centre: Point, radius: float, turn: float) -> list[Point]:
    """The corners of a shape of one colour, in pixels; ``turn`` in radians."""
    if shape == "square":
        angles = [math.pi / 4 + i * math.pi / 2 for i in range(4)]
        polar = [(angle, radius * 1.18) for angle in angles]
    elif shape == "triangle":
        polar = [(-math.pi / 2 + i * 2 * math.pi / 3, radius * 1.22) for i in range(3)]
    elif shape == "diamond":
        reach = (1.3, 0.85)
        polar = [(-math.pi / 2 + i * math.pi / 2, radius * reach[i % 2]) for i in range(4)]
    elif shape == "star":
        polar = [(-math.pi / 2 + i * math.pi / 5, radius * (1.3 if i % 2 == 0 else 0.52))
                 for i in range(10)]
    elif shape == "cross":
        arm, reach_ = 0.36 * radius, 1.15 * radius
        corners = [(-arm, -reach_), (arm, -reach_), (arm, -arm), (reach_, -arm), (reach_, arm),
                   (arm, arm), (arm, reach_), (-arm, reach_), (-arm, arm), (-reach_, arm),
                   (-reach_, -arm), (-arm, -arm)]
        polar = [(math.atan2(y, x), math.hypot(x, y)) for x, y in corners]
    else:  # heart: the classic sextic's parametric form, scaled to the radius
        polar = []
        for i in range(40):
            t = i * 2 * math.pi / 40
            x = 16 * math.sin(t) ** 3
            y = -(13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t))
            polar.append((math.atan2(y, x), math.hypot(x, y) * radius / 14.0))
    return [(centre[0] + r * math.cos(a + turn), centre[1] + r * math.sin(a + turn))
            for a, r in polar]


def _stamp(pen: ImageDraw.ImageDraw, thing: Thing, centre: Point, radius: float,
           rng: np.random.Generator) -> None:
    fill = _shade(thing.colour, rng)
    x, y = centre
    if thing.shape == "circle":
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)
    elif thing.shape == "ring":
        outer = radius * 1.1
        pen.ellipse((x - outer, y - outer, x + outer, y + outer), outline=fill,
                    width=max(2, round(radius * 0.42)))
    else:
        turn = float(rng.normal(0.0, 0.06))
        pen.polygon(_outline(thing.shape, centre, radius, turn), fill=fill)


def _draw_ground(pen: ImageDraw.ImageDraw, ground: Ground, side: int,
                 rng: np.random.Generator) -> None:
    pen.rectangle((0, 0, side, side), fill=_shade(ground.colour, rng))
    if ground.second is None:
        return
    second = _shade(ground.second, rng)
    step = side / float(rng.integers(5, 9))
    shift = float(rng.random()) * step * 2
    if ground.pattern == "striped":
        upright = rng.random() < 0.5
        for i in range(-2, 9, 2):
            low, high = i * step + shift, (i + 1) * step + shift
            pen.rectangle((low, 0, high, side) if upright else (0, low, side, high), fill=second)
    elif ground.pattern == "checked":
        for row in range(10):
            for column in range(row % 2, 10, 2):
                pen.rectangle((column * step, row * step, (column + 1) * step,
                               (row + 1) * step), fill=second)
    else:
        radius = step * 0.26
        for row in range(-1, 10):
            for column in range(-1, 10):
                x, y = (column + 0.5 * (row % 2)) * step + shift / 2, row * step + shift / 2
                pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=second)


def _places(scene: Scene, rng: np.random.Generator) -> list[tuple[Point, float]]:
    """(centre, radius) of each thing, as fractions of the side, the second thing's last."""
    jitter = rng.normal(0.0, 0.025, 4)
    radii = [float(rng.uniform(*_RADIUS[thing.size])) for thing in scene.things]
    if len(scene.things) == 1:
        return [((0.5 + jitter[0], 0.5 + jitter[1]), radii[0])]
    if scene.relation == "inside":
        centre = (0.5 + jitter[0], 0.5 + jitter[1])
        return [((centre[0], centre[1] + 0.02), radii[0] * 0.85), (centre, radii[1])]
    near, far = 0.26 + jitter[0] / 2, 0.74 + jitter[1] / 2
    across = (0.5 + jitter[2], 0.5 + jitter[3])
    radii = [min(radius, 0.20) for radius in radii]
    if scene.relation == "left of":
        return [((near, across[0]), radii[0]), ((far, across[1]), radii[1])]
    return [((across[0], near), radii[0]), ((across[1], far), radii[1])]


def draw(scene: Scene, rng: np.random.Generator, side: int = 128) -> Image.Image:
    """The scene as an RGB picture of ``side`` x ``side`` pixels."""
    big = side * _SUPERSAMPLE
    image = Image.new("RGB", (big, big))
    pen = ImageDraw.Draw(image)
    _draw_ground(pen, scene.ground, big, rng)
    places = _places(scene, rng)
    for thing, ((x, y), radius) in reversed(list(zip(scene.things, places, strict=True))):
        _stamp(pen, thing, (x * big, y * big), radius * big, rng)
    image = image.resize((side, side), Image.Resampling.BOX)
    return image if scene.style is None else apply_style(image, scene.style, rng)


def draw_array(scene: Scene, rng: np.random.Generator, side: int = 128) -> npt.NDArray[np.uint8]:
    """:func:`draw` as an array [3, side, side] of bytes, as the training batches want it."""
    return np.ascontiguousarray(np.asarray(draw(scene, rng, side)).transpose(2, 0, 1))
