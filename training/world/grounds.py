"""Drawing the grounds: plain colours, patterns and scenery."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from training.world.scene import COLOURS, PAPER, SCENERY, Ground

Colour = tuple[int, int, int]

_TONES: dict[str, Colour] = {**COLOURS, PAPER: (205, 205, 203)}
"""All colours that grounds and things can have, as RGB."""


def shade(colour: str, rng: np.random.Generator) -> Colour:
    """A random shade of the named colour, RGB."""
    return _varied(_TONES[colour], rng)


def _varied(colour: Colour, rng: np.random.Generator) -> Colour:
    base = np.asarray(colour, dtype=np.float64)
    variation = rng.normal(0.0, 7.0, 3) + rng.normal(0.0, 5.0)
    red, green, blue = np.clip(base + variation, 0, 255).astype(int)
    return int(red), int(green), int(blue)


def draw_ground(image: Image.Image, ground: Ground, rng: np.random.Generator) -> None:
    """Draw the ground over all of ``image`` (square, RGB)."""
    if ground.pattern in SCENERY:
        image.paste(_SCENERY[ground.pattern](ground, image.width, rng))
    else:
        _draw_pattern(ImageDraw.Draw(image), ground, image.width, rng)


def _draw_pattern(
    pen: ImageDraw.ImageDraw, ground: Ground, side: int, rng: np.random.Generator
) -> None:
    pen.rectangle((0, 0, side, side), fill=shade(ground.colour, rng))
    if ground.second is None:
        return
    second = shade(ground.second, rng)
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
                pen.rectangle(
                    (column * step, row * step, (column + 1) * step, (row + 1) * step), fill=second
                )
    else:
        radius = step * 0.26
        for row in range(-1, 10):
            for column in range(-1, 10):
                x, y = (column + 0.5 * (row % 2)) * step + shift / 2, row * step + shift / 2
                pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=second)


def _gradient_down(top: Colour, bottom: Colour, side: int) -> Image.Image:
    """A gradient from the colour ``top`` to ``bottom``."""
    share = np.linspace(0, 1, side)[:, None]
    rows = np.asarray(top) * (1 - share) + np.asarray(bottom) * share
    return Image.fromarray(np.repeat(rows[:, None], side, axis=1).astype(np.uint8))


def _gradient(ground: Ground, side: int, rng: np.random.Generator) -> Image.Image:
    top, bottom = shade(ground.colour, rng), shade(str(ground.second), rng)
    return _gradient_down(top, bottom, side)


def _sky(ground: Ground, side: int, rng: np.random.Generator) -> Image.Image:
    image = _gradient_down(_varied((95, 170, 240), rng), _varied((200, 228, 250), rng), side)
    pen = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(2, 5))):
        x, y, wide = rng.random() * side, rng.random() * side, (0.08 + 0.08 * rng.random()) * side
        for along in (-0.8, 0.0, 0.8):
            high = wide * (0.5 if along else 0.75)
            pen.ellipse(
                (
                    x + along * wide - wide * 0.7,
                    y - high,
                    x + along * wide + wide * 0.7,
                    y + high * 0.6,
                ),
                fill=(250, 252, 255),
            )
    return image.filter(ImageFilter.GaussianBlur(side / 200))


def _sea(ground: Ground, side: int, rng: np.random.Generator) -> Image.Image:
    horizon = round(side * rng.uniform(0.28, 0.4))
    image = Image.new("RGB", (side, side), _varied((190, 225, 245), rng))
    water = _gradient_down(_varied((30, 125, 190), rng), _varied((10, 65, 125), rng), side)
    image.paste(water, (0, horizon))
    pen = ImageDraw.Draw(image)
    for row in range(5):
        y = horizon + side * (0.06 + 0.13 * row)
        wave, start = side * (0.10 + 0.03 * row), rng.random() * side * 0.2
        for i in range(-1, 10):
            x = start + i * wave * 2
            pen.arc(
                (x, y, x + wave, y + wave * 0.45),
                180,
                360,
                fill=(150, 205, 235),
                width=max(1, side // 85),
            )
    return image


def _specks(
    image: Image.Image,
    rng: np.random.Generator,
    count: int,
    radii: tuple[float, float],
    colour: Colour,
) -> None:
    """Draw round specks in random places; ``radii`` are fractions of the side."""
    pen, side = ImageDraw.Draw(image), image.width
    for x, y, size in rng.random((count, 3)):
        radius = side * (radii[0] + (radii[1] - radii[0]) * size)
        pen.ellipse(
            (x * side - radius, y * side - radius, x * side + radius, y * side + radius),
            fill=colour,
        )


def _night(ground: Ground, side: int, rng: np.random.Generator) -> Image.Image:
    image = _gradient_down(_varied((12, 16, 52), rng), _varied((45, 42, 98), rng), side)
    _specks(image, rng, 40, (0.003, 0.012), (250, 245, 205))
    return image


def _grass(ground: Ground, side: int, rng: np.random.Generator) -> Image.Image:
    horizon = round(side * rng.uniform(0.3, 0.45))
    image = Image.new("RGB", (side, side), _varied((170, 215, 245), rng))
    image.paste(
        _gradient_down(_varied((125, 190, 75), rng), _varied((60, 135, 45), rng), side),
        (0, horizon),
    )
    pen = ImageDraw.Draw(image)
    for x, y, lean in rng.random((110, 3)):
        low = horizon + (side - horizon) * (0.05 + 0.95 * y)
        high = side * (0.02 + 0.03 * y)
        dark = (45, 115, 40) if lean < 0.5 else (150, 205, 90)
        pen.line(
            (x * side, low, x * side + (lean - 0.5) * high, low - high),
            fill=dark,
            width=max(1, side // 100),
        )
    return image


def _hills(side: int, rng: np.random.Generator, height: float, rough: float) -> list[float]:
    """The outline of hills: for each column, pixels from the top."""
    across = np.linspace(0, 2 * np.pi, side)
    waves = np.sum([np.sin(across * k * 0.5 + rng.random() * 6.3) / k for k in (1, 2, 3)], axis=0)
    edge: list[float] = (side * (height + rough * waves)).tolist()
    return edge


def _fill_below(image: Image.Image, edge: list[float], colour: Colour) -> None:
    side = image.width
    ImageDraw.Draw(image).polygon([*enumerate(edge), (side, side), (0, side)], fill=colour)


def _desert(ground: Ground, side: int, rng: np.random.Generator) -> Image.Image:
    image = _gradient_down(_varied((250, 205, 140), rng), _varied((255, 235, 190), rng), side)
    for height, colour in ((0.42, (232, 180, 105)), (0.58, (215, 155, 80)), (0.78, (196, 132, 62))):
        _fill_below(image, _hills(side, rng, height, 0.05), _varied(colour, rng))
    return image


def _snow(ground: Ground, side: int, rng: np.random.Generator) -> Image.Image:
    image = _gradient_down(_varied((150, 175, 205), rng), _varied((195, 212, 230), rng), side)
    for height, colour in ((0.5, (222, 232, 242)), (0.68, (240, 245, 250))):
        _fill_below(image, _hills(side, rng, height, 0.04), _varied(colour, rng))
    _specks(image, rng, 45, (0.006, 0.016), (255, 255, 255))
    return image


def _city(ground: Ground, side: int, rng: np.random.Generator) -> Image.Image:
    image = _gradient_down(_varied((235, 150, 120), rng), _varied((250, 205, 150), rng), side)
    pen = ImageDraw.Draw(image)
    left = -rng.random() * side * 0.1
    while left < side:
        wide, high = side * rng.uniform(0.12, 0.2), side * rng.uniform(0.35, 0.75)
        pen.rectangle((left, side - high, left + wide, side), fill=_varied((72, 70, 98), rng))
        window = wide / 5
        for row in range(int(high / window / 2)):
            for column in (1, 3):
                if rng.random() < 0.6:
                    x, y = left + column * window, side - high + (2 * row + 1) * window
                    pen.rectangle((x, y, x + window * 0.8, y + window), fill=(250, 220, 120))
        left += wide + side * 0.015
    return image


_SCENERY: dict[str, Callable[[Ground, int, np.random.Generator], Image.Image]] = {
    "gradient": _gradient,
    "sky": _sky,
    "sea": _sea,
    "night": _night,
    "grass": _grass,
    "desert": _desert,
    "snow": _snow,
    "city": _city,
}
