"""Light and weather as filters of pictures [S, S, 3] in 0..1, each of a random strength."""

from __future__ import annotations

import math

import numpy as np

from training.looks.brushes import Floats, blur, grain, light, saturated, strokes
from training.looks.styles import Filter


def _height(side: int, rng: np.random.Generator) -> Floats:
    """1 at the top and 0 at the bottom, not quite straight, [S, S, 1]."""
    rows = np.linspace(1, 0, side, dtype=np.float32)[:, None].repeat(side, 1)
    return (rows + 0.06 * grain(side, 40, rng)).clip(0, 1)[..., None].astype(np.float32)


def plain(picture: Floats, rng: np.random.Generator) -> Floats:
    """Daylight: the picture as it is, a little lighter or darker."""
    return picture ** rng.uniform(0.85, 1.15)


def night(picture: Floats, rng: np.random.Generator) -> Floats:
    """Dark and bluish, with a few lights."""
    side = len(picture)
    moonlit = saturated(picture, rng.uniform(0.2, 0.6)) ** rng.uniform(1.2, 1.8)
    moonlit = moonlit * np.array([0.25, 0.35, 0.65], dtype=np.float32) * rng.uniform(0.35, 0.8)
    sky = np.array([0.02, 0.04, 0.14], dtype=np.float32)
    dark = moonlit * (1 - 0.6 * _height(side, rng)) + sky * _height(side, rng)
    lights = np.zeros((side, side), dtype=np.float32)
    for _ in range(rng.integers(0, 40)):  # stars, lamps
        lights[rng.integers(side), rng.integers(side)] = rng.uniform(0.3, 1.0)
    glow = blur(lights, rng.uniform(0.6, 1.2))[..., None] * rng.uniform(3, 8)
    return dark + glow * np.array([1.0, 0.93, 0.75], dtype=np.float32)


def dusk(picture: Floats, rng: np.random.Generator) -> Floats:
    """A low sun: orange and violet in the sky, dark things before it."""
    side = len(picture)
    height = (_height(side, rng) - rng.uniform(0.2, 0.5)).clip(0, 1)[..., :1]
    low = np.array([1.0, 0.55 + rng.uniform(-0.1, 0.1), 0.2], dtype=np.float32)
    high = np.array([0.45, 0.25, 0.5 + rng.uniform(-0.1, 0.1)], dtype=np.float32)
    share = (height * 2).clip(0, 1)
    sky = low * (1 - share) + high * share
    lit = picture * np.array([1.0, 0.66, 0.45], dtype=np.float32) * rng.uniform(0.5, 0.9)
    bright = light(picture)[..., None] ** 0.7
    return lit * (1 - 0.65 * bright) + sky * 0.65 * bright + sky * 0.12


def fog(picture: Floats, rng: np.random.Generator) -> Floats:
    """Pale grey that swallows colours and outlines, more of it farther up."""
    side = len(picture)
    white = np.array([0.8, 0.82, 0.84], dtype=np.float32) * rng.uniform(0.85, 1.1)
    far = _height(side, rng) * 0.4 + rng.uniform(0.4, 0.6) + 0.07 * grain(side, 30, rng)[..., None]
    soft = blur(saturated(picture, rng.uniform(0.2, 0.6)), rng.uniform(0.8, 2.0))
    share = far.clip(0, 0.93)
    return soft * (1 - share) + white * share


def snow(picture: Floats, rng: np.random.Generator) -> Floats:
    """White below and on what is light, a pale sky, perhaps flakes."""
    side = len(picture)
    cold = saturated(picture, rng.uniform(0.3, 0.7)) * np.array([0.95, 1.0, 1.07], dtype=np.float32)
    ground = 1 - _height(side, rng)
    lying = (ground * 1.6 - rng.uniform(0.5, 0.9) + light(picture)[..., None] * 1.2).clip(0, 1)
    white = 0.93 + 0.04 * grain(side, 4, rng)[..., None]
    covered = cold * (1 - lying * 0.92) + white * lying * 0.92
    flakes = np.zeros((side, side), dtype=np.float32)
    for _ in range(rng.integers(0, 150)):
        flakes[rng.integers(side), rng.integers(side)] = 1
    return covered + blur(flakes, rng.uniform(0.6, 1.4))[..., None] * rng.uniform(3, 8)


def rain(picture: Floats, rng: np.random.Generator) -> Floats:
    """Grey-blue, dim, with slanting streaks."""
    side = len(picture)
    dim = saturated(picture, rng.uniform(0.3, 0.6)) * np.array([0.55, 0.62, 0.7], dtype=np.float32)
    angle = math.pi / 2 + rng.uniform(-0.35, 0.35)
    streaks = strokes(side, 0.6, rng.uniform(6, 14), angle, rng)
    fallen = (streaks - rng.uniform(0.8, 1.4)).clip(0, 2)[..., None] * rng.uniform(0.1, 0.3)
    return blur(dim, 0.7) + 0.06 + fallen * np.array([0.85, 0.92, 1.0], dtype=np.float32)


def underwater(picture: Floats, rng: np.random.Generator) -> Floats:
    """Blue-green light from above, without red, with caustics."""
    side = len(picture)
    depth = 1 - 0.6 * (1 - _height(side, rng))
    water = np.array([0.02, 0.4 + rng.uniform(-0.1, 0.1), 0.6], dtype=np.float32) * depth
    seen = blur(picture, 0.7) * np.array([0.25, 0.75, 0.85], dtype=np.float32) * depth
    share = rng.uniform(0.3, 0.65)
    ripples = np.abs(grain(side, 14, rng)) + np.abs(grain(side, 9, rng))
    caustics = (0.25 - ripples).clip(0, 1)[..., None] * depth * rng.uniform(0.3, 1.2)
    return seen * (1 - share) + water * share + caustics


LIGHTS: dict[str, Filter] = {
    "daylight": plain,
    "night": night,
    "dusk": dusk,
    "fog": fog,
    "snow": snow,
    "rain": rain,
    "underwater": underwater,
}
