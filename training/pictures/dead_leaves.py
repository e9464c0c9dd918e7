"""Dead leaves: shapes of all sizes that hide each other, like things in natural scenes.

Lee, Mumford and Huang 2001, "Occlusion models for natural images": sizes that follow a power law
give the statistics of photographs. These also have colours and textures of photographs.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from training.pictures.colours import random_colour

Bytes = NDArray[np.uint8]
Floats = NDArray[np.floating]
TextureSource = Callable[[np.random.Generator], Bytes]

_FINER = 2  # drawn this much larger, then averaged: smooth edges


def dead_leaves(
    side: int, texture_source: TextureSource, rng: np.random.Generator, most: int = 220
) -> Bytes:
    """A picture [side, side, 3] of 30 to ``most`` leaves.

    ``texture_source`` returns pictures of any size, for colours and textures.
    """
    large = side * _FINER
    count = int(rng.integers(30, most))
    owner, across, down = _lay(large, count, rng)
    textures: list[Floats] = [texture_source(rng).astype(np.float32) / 255 for _ in range(3)]
    colours = np.stack(
        [
            _pixel(textures[rng.integers(3)], rng) if rng.random() < 0.8 else random_colour(rng)
            for _ in range(count + 1)
        ]
    )
    # Light falls on a leaf from one side: a slope of brightness over its width.
    slopes = rng.normal(0, 0.06, (count + 1, 2)).astype(np.float32)
    light = slopes[owner, 0] * across + slopes[owner, 1] * down
    picture = colours[owner] + light[..., None]
    picture = _textured(picture, owner, textures, count, rng)
    halves = picture.reshape(side, _FINER, side, _FINER, 3).mean(axis=(1, 3))
    if rng.random() < 0.3:
        halves = halves + rng.normal(0, rng.uniform(0, 0.03), halves.shape)
    finished: Bytes = (halves.clip(0, 1) * 255).astype(np.uint8)
    return finished


def _lay(
    large: int, count: int, rng: np.random.Generator
) -> tuple[NDArray[np.intp], Floats, Floats]:
    """Which leaf each pixel shows (0: the background), and its place in that leaf, about -1..1."""
    owner = np.zeros((large, large), dtype=np.intp)
    line = np.linspace(-1, 1, large, dtype=np.float32)
    across, down = np.meshgrid(line, line)
    radii = np.minimum(0.45, 0.03 / (rng.random(count) + 0.02) ** 0.9) * large
    for leaf, radius in enumerate(radii, start=1):
        x, y = rng.random(2) * large
        reach = int(radius * 1.5) + 1
        top, left = max(0, int(y) - reach), max(0, int(x) - reach)
        window = np.s_[top : min(large, int(y) + reach), left : min(large, int(x) + reach)]
        rows, columns = np.ogrid[window]
        u, v = _turned((columns - x) / radius, (rows - y) / radius, rng)
        inside = _superellipse(u, v, rng)
        owner[window][inside] = leaf
        across[window][inside] = u[inside]
        down[window][inside] = v[inside]
    return owner, across, down


def _turned(
    x: NDArray[np.floating], y: NDArray[np.floating], rng: np.random.Generator
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    angle, longer = rng.uniform(0, np.pi), rng.uniform(1, 1.5)
    sine, cosine = np.sin(angle), np.cos(angle)
    return (x * cosine + y * sine) / longer, (y * cosine - x * sine) * longer


def _superellipse(
    u: NDArray[np.floating], v: NDArray[np.floating], rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Where |u|^p + |v|^p < 1: a diamond, an ellipse, or nearly a rectangle."""
    power = (1.0, 2.0, 2.0, 8.0)[rng.integers(4)]
    inside: NDArray[np.bool_] = np.abs(u) ** power + np.abs(v) ** power < 1
    return inside


def _textured(
    picture: Floats,
    owner: NDArray[np.intp],
    textures: list[Floats],
    count: int,
    rng: np.random.Generator,
) -> Floats:
    """Half of the leaves with one of ``textures``, each from its own place in it."""
    large = len(picture)
    which = rng.integers(-3, 3, count + 1)  # below 0: plain
    shift = rng.integers(0, large, (count + 1, 2))
    strength = rng.uniform(0.2, 1.0, count + 1).astype(np.float32)
    rows, columns = np.mgrid[:large, :large]
    for index, texture in enumerate(textures):
        here = which[owner] == index
        if not here.any():
            continue
        leaf = owner[here]
        # Each pixel of the texture covers two of the picture's, which is halved at the end.
        y = (rows[here] + shift[leaf, 0]) // _FINER % texture.shape[0]
        x = (columns[here] + shift[leaf, 1]) // _FINER % texture.shape[1]
        picture[here] += strength[leaf, None] * (texture[y, x] - texture.mean(axis=(0, 1)))
    return picture


def _pixel(texture: Floats, rng: np.random.Generator) -> Floats:
    colour: Floats = texture[rng.integers(texture.shape[0]), rng.integers(texture.shape[1])]
    return colour
