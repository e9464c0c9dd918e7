"""Drawing a scene's picture.

Everything random about it (exact place and size, shade of the colour, texture) comes from the
generator that is passed in, so a seed gives the same data set on every machine. Its typical picture
(:func:`draw_typical`), the one that captions are trained to mean, has nothing random.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from training.world.grounds import draw_ground, shade
from training.world.scene import Scene, Thing
from training.world.styles import apply_style
from training.world.things import Drawings, DrawingsError
from training.world.typical import MeanOnly, MidpointsOnly

Point = tuple[float, float]

_RADIUS = {"small": (0.14, 0.18), "medium": (0.23, 0.29), "big": (0.35, 0.40)}
_SUPERSAMPLE = 2


def _outline(shape: str, centre: Point, radius: float, turn: float) -> list[Point]:
    """The corners of a shape, in pixels; ``turn`` in radians."""
    if shape == "square":
        angles = [math.pi / 4 + i * math.pi / 2 for i in range(4)]
        polar = [(angle, radius * 1.18) for angle in angles]
    elif shape == "triangle":
        polar = [(-math.pi / 2 + i * 2 * math.pi / 3, radius * 1.22) for i in range(3)]
    elif shape == "diamond":
        reach = (1.3, 0.85)
        polar = [(-math.pi / 2 + i * math.pi / 2, radius * reach[i % 2]) for i in range(4)]
    elif shape == "star":
        polar = [
            (-math.pi / 2 + i * math.pi / 5, radius * (1.3 if i % 2 == 0 else 0.52))
            for i in range(10)
        ]
    elif shape == "cross":
        arm, reach_ = 0.36 * radius, 1.15 * radius
        corners = [
            (-arm, -reach_),
            (arm, -reach_),
            (arm, -arm),
            (reach_, -arm),
            (reach_, arm),
            (arm, arm),
            (arm, reach_),
            (-arm, reach_),
            (-arm, arm),
            (-reach_, arm),
            (-reach_, -arm),
            (-arm, -arm),
        ]
        polar = [(math.atan2(y, x), math.hypot(x, y)) for x, y in corners]
    else:  # heart: the classic sextic's parametric form, scaled to the radius
        polar = []
        for i in range(40):
            t = i * 2 * math.pi / 40
            x = 16 * math.sin(t) ** 3
            y = -(13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t))
            polar.append((math.atan2(y, x), math.hypot(x, y) * radius / 14.0))
    return [
        (centre[0] + r * math.cos(a + turn), centre[1] + r * math.sin(a + turn)) for a, r in polar
    ]


def _draw_thing(
    image: Image.Image,
    thing: Thing,
    centre: Point,
    radius: float,
    rng: np.random.Generator,
    drawings: Drawings | None,
) -> None:
    """Draw one thing; ``radius`` in pixels."""
    if thing.drawn:
        _paste_drawing(image, thing, centre, radius, rng, drawings)
        return
    pen = ImageDraw.Draw(image)
    fill = shade(str(thing.colour), rng)
    x, y = centre
    if thing.shape == "circle":
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)
    elif thing.shape == "ring":
        outer = radius * 1.1
        pen.ellipse(
            (x - outer, y - outer, x + outer, y + outer),
            outline=fill,
            width=max(2, round(radius * 0.42)),
        )
    else:
        turn = float(rng.normal(0.0, 0.06))
        pen.polygon(_outline(thing.shape, centre, radius, turn), fill=fill)


def _paste_drawing(
    image: Image.Image,
    thing: Thing,
    centre: Point,
    radius: float,
    rng: np.random.Generator,
    drawings: Drawings | None,
) -> None:
    """Paste a drawing, a little larger than a shape, as few drawings fill their square."""
    if drawings is None:
        raise DrawingsError(f"To draw a {thing.shape}, name a folder of drawings.")
    side = max(4, round(radius * 2.5))
    turn = float(rng.normal(0.0, 3.0))
    picture = drawings[thing.shape].resize((side, side), Image.Resampling.LANCZOS)
    picture = picture.rotate(turn, Image.Resampling.BILINEAR)
    image.paste(picture, (round(centre[0] - side / 2), round(centre[1] - side / 2)), picture)


_ARRANGEMENTS: dict[int, tuple[tuple[Point, ...], float]] = {
    1: (((0.0, 0.0),), 1.0),
    2: (((-0.68, 0.0), (0.68, 0.0)), 0.5),
    3: (((-0.68, 0.5), (0.68, 0.5), (0.0, -0.64)), 0.48),
}
"""By the number of things: their places, in radii from the middle, and each one's share of the
radius."""


def _layout(scene: Scene, rng: np.random.Generator) -> list[tuple[Point, float]]:
    """(centre, radius) of each thing, as fractions of the side."""
    jitter = rng.normal(0.0, 0.025, 4)
    radii = [float(rng.uniform(*_RADIUS[thing.size])) for thing in scene.things]
    if len(scene.things) == 1:
        # Several things need more room than one.
        wider = 1.0 if scene.things[0].count == 1 else 1.3
        return [((0.5 + jitter[0], 0.5 + jitter[1]), radii[0] * wider)]
    if scene.relation == "inside":
        centre = (0.5 + jitter[0], 0.5 + jitter[1])
        return [((centre[0], centre[1] + 0.02), radii[0] * 0.85), (centre, radii[1])]
    near, far = 0.26 + jitter[0] / 2, 0.74 + jitter[1] / 2
    across = (0.5 + jitter[2], 0.5 + jitter[3])
    radii = [min(radius, 0.20) for radius in radii]
    if scene.relation == "left of":
        return [((near, across[0]), radii[0]), ((far, across[1]), radii[1])]
    return [((across[0], near), radii[0]), ((across[1], far), radii[1])]


def draw(
    scene: Scene, rng: np.random.Generator, side: int = 128, drawings: Drawings | None = None
) -> Image.Image:
    """The scene as an RGB picture of ``side`` x ``side`` pixels.

    Raises DrawingsError if it has a drawn thing and there are no ``drawings``.
    """
    return _draw(scene, rng, rng, rng, side, drawings)


def draw_typical(scene: Scene, side: int = 128, drawings: Drawings | None = None) -> Image.Image:
    """The scene's typical picture, like :func:`draw` but with nothing random.

    Things are upright, with the mean place and size, and colours are the named ones exactly.
    Clouds, waves and a style's grain are always the same.
    """
    return _draw(scene, MeanOnly(), MidpointsOnly(), np.random.default_rng(0), side, drawings)


def _draw(
    scene: Scene,
    ground: np.random.Generator,
    layout: np.random.Generator,
    style: np.random.Generator,
    side: int,
    drawings: Drawings | None,
) -> Image.Image:
    """Draw with separate random numbers for the ground, the things and the style."""
    big = side * _SUPERSAMPLE
    image = Image.new("RGB", (big, big))
    draw_ground(image, scene.ground, ground)
    places = _layout(scene, layout)
    for thing, ((x, y), radius) in reversed(list(zip(scene.things, places, strict=True))):
        offsets, share = _ARRANGEMENTS[thing.count]
        for right, down in offsets:
            centre = ((x + right * radius) * big, (y + down * radius) * big)
            _draw_thing(image, thing, centre, radius * share * big, layout, drawings)
    image = image.resize((side, side), Image.Resampling.BOX)
    return image if scene.style is None else apply_style(image, scene.style, style)


def draw_array(
    scene: Scene, rng: np.random.Generator | None, side: int = 128, drawings: Drawings | None = None
) -> npt.NDArray[np.uint8]:
    """:func:`draw` as an array [3, side, side] of bytes; without ``rng``, :func:`draw_typical`."""
    image = draw_typical(scene, side, drawings) if rng is None else draw(scene, rng, side, drawings)
    return np.ascontiguousarray(np.asarray(image).transpose(2, 0, 1))
