"""Styles as filters of pictures [S, S, 3] in 0..1, each of a random strength.

They are others than those that the style judge of ``bench.fidelity`` learned from.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from training.looks.brushes import (
    Floats,
    blur,
    grain,
    hues,
    light,
    mean_of_each,
    nearest_of,
    outlines,
    saturated,
    slope,
    smooth_regions,
    spread_out,
    strokes,
)

Filter = Callable[[Floats, np.random.Generator], Floats]


def _sheet(side: int, colour: tuple[float, ...], rng: np.random.Generator) -> Floats:
    rough = grain(side, 1.5, rng) * 0.012 + grain(side, 5, rng) * 0.01
    return (np.array(colour, dtype=np.float32) + rough[..., None]).clip(0, 1).astype(np.float32)


def photograph(picture: Floats, rng: np.random.Generator) -> Floats:
    """A photograph as it is, perhaps grainy or a little soft."""
    if rng.random() < 0.4:
        picture = blur(picture, rng.uniform(0.4, 1.0))
    noise = rng.standard_normal(picture.shape).astype(np.float32) * rng.uniform(0, 0.03)
    return picture + noise


def charcoal(picture: Floats, rng: np.random.Generator) -> Floats:
    """Broad black strokes that leave the grain of the paper white, and smudged shadows."""
    side = len(picture)
    tone = spread_out(blur(light(picture), rng.uniform(1.0, 2.0))) ** rng.uniform(0.6, 1.1)
    angle = rng.uniform(0, math.pi)
    marks = strokes(side, rng.uniform(0.7, 1.6), rng.uniform(5, 14), angle, rng)
    paper = grain(side, rng.uniform(1.0, 1.8), rng)
    sharpness = rng.uniform(2, 5)
    covered = 1 / (1 + np.exp(sharpness * ((tone - 0.5) * 4 + 0.5 * marks + 0.35 * paper)))
    contour = blur(outlines(picture, rng.uniform(1.2, 2.0)), 0.8)
    broken = (0.6 + 0.4 * marks + 0.3 * paper).clip(0, 1)
    ink = np.maximum(covered * rng.uniform(0.75, 0.98), contour * broken)
    smudge = blur(ink.astype(np.float32), rng.uniform(3, 7)) * rng.uniform(0.1, 0.35)
    ink = np.maximum(ink, smudge)[..., None]
    sheet = _sheet(side, (0.94, 0.93, 0.9 + rng.uniform(0, 0.03)), rng)
    return sheet * (1 - ink) + rng.uniform(0.03, 0.12) * ink


def pencil(picture: Floats, rng: np.random.Generator) -> Floats:
    """Thin grey lines, and layers of hatching in the shadows, on white paper."""
    side = len(picture)
    tone = spread_out(blur(light(picture), 0.7))
    angle, dark = rng.uniform(0, math.pi), np.zeros((side, side), dtype=np.float32)
    for level in (0.7, 0.5, 0.3, 0.15)[: rng.integers(2, 5)]:
        lines = strokes(side, 0.5, rng.uniform(8, 18), angle, rng)
        dark += (tone < level) * (lines > rng.uniform(0.1, 0.6)) * rng.uniform(0.12, 0.25)
        angle += rng.uniform(0.4, 1.0)
    steep, _ = slope(blur(picture, 0.7))
    thin = (steep / (np.percentile(steep, 97) + 0.02)).clip(0, 1) ** rng.uniform(1.0, 1.8)
    dark = np.maximum(dark, thin * rng.uniform(0.45, 0.8)) * (1 + 0.12 * grain(side, 1.2, rng))
    return _sheet(side, (0.97, 0.97, 0.96), rng) * (1 - dark.clip(0, 0.85)[..., None])


def watercolour(picture: Floats, rng: np.random.Generator) -> Floats:
    """Flat, transparent washes that run, with darker rims, and white paper between them."""
    side = len(picture)
    for _ in range(rng.integers(1, 3)):
        picture = smooth_regions(picture, int(rng.integers(2, 5)))
    rows, columns = np.mgrid[0:side, 0:side]
    run = rng.uniform(1.0, 3.0)
    rows = (rows + run * grain(side, 7, rng)).round().clip(0, side - 1).astype(int)
    columns = (columns + run * grain(side, 7, rng)).round().clip(0, side - 1).astype(int)
    washes = saturated(picture[rows, columns], rng.uniform(1.1, 1.7))
    pooled = 1 + 0.16 * grain(side, rng.uniform(12, 30), rng) + 0.05 * grain(side, 1.3, rng)
    rims = 1 + outlines(washes, 1.0) * rng.uniform(0.2, 0.6)
    thickness = (rng.uniform(0.55, 0.9) * pooled * rims)[..., None]
    # Light goes through the paint twice (Beer and Lambert).
    painted = np.exp(thickness * np.log(washes.clip(0.04, 1)))
    bare = grain(side, rng.uniform(14, 40), rng) + 3 * (light(washes) - rng.uniform(0.65, 1.0))
    white = (1 / (1 + np.exp(-6 * bare)))[..., None]
    return painted * (1 - white) + _sheet(side, (0.98, 0.97, 0.95), rng) * white


def oil(picture: Floats, rng: np.random.Generator) -> Floats:
    """Patches of thick paint, each with the ridges of a brush that followed the picture's lines."""
    side = len(picture)
    reach = int(rng.integers(3, 6))
    painted = smooth_regions(smooth_regions(picture, reach), max(2, reach - 1))
    _, direction = slope(blur(painted, 4))
    turned = [strokes(side, 0.7, rng.uniform(4, 8), i * math.pi / 4, rng) for i in range(4)]
    which = ((direction + math.pi / 2) / (math.pi / 4)).round().astype(int) % 4
    ridges = np.take_along_axis(np.stack(turned), which[None], 0)[0]
    relief = (ridges - np.roll(ridges, 1, (0, 1))) * rng.uniform(0.025, 0.06)
    shifted = 1 + 0.08 * grain(side, rng.uniform(4, 9), rng)[..., None]
    return saturated(painted * shifted, rng.uniform(1.1, 1.5)) + relief[..., None]


def pixel_art(picture: Floats, rng: np.random.Generator) -> Floats:
    """Large square pixels of few colours."""
    side = len(picture)
    edge = int(rng.integers(4, 11))
    count = side // edge
    start = rng.integers(0, side - count * edge + 1)
    small = picture[start : start + count * edge, start : start + count * edge]
    small = small.reshape(count, edge, count, edge, 3).mean((1, 3))
    levels = rng.integers(3, 6)
    small = np.round(saturated(small.astype(np.float32), rng.uniform(1.2, 1.8)) * levels) / levels
    large = small.repeat(edge, 0).repeat(edge, 1)
    margin = (int(start), side - len(large) - int(start))
    return np.pad(large, (margin, margin, (0, 0)), mode="edge")


def mosaic(picture: Floats, rng: np.random.Generator) -> Floats:
    """Small stones in rows, each of one colour, with joints."""
    side = len(picture)
    pitch, angle = rng.uniform(5, 12), rng.uniform(0, math.pi / 2)
    reach = np.arange(-side, side, pitch)
    grid = np.stack(np.meshgrid(reach, reach), -1).reshape(-1, 2)
    grid = grid + rng.uniform(-1, 1, grid.shape) * pitch * rng.uniform(0.05, 0.2)
    cos, sin = math.cos(angle), math.sin(angle)
    points = grid @ np.array([[cos, sin], [-sin, cos]]) + side / 2
    points = points[((points > -pitch) & (points < side + pitch)).all(1)].astype(np.float32)
    cells, gap = nearest_of(points, side)
    stones = mean_of_each(picture, cells)
    each = 1 + 0.1 * rng.standard_normal((len(points), 1)).astype(np.float32)
    stones = saturated(stones * each[cells], rng.uniform(1.0, 1.4))
    joint = (gap < rng.uniform(1.0, 2.0))[..., None]
    return np.where(joint, rng.choice((0.12, 0.35, 0.8)) + rng.uniform(-0.05, 0.05), stones)


def woodcut(picture: Floats, rng: np.random.Generator) -> Floats:
    """Black on cream, without greys: lines cut more broadly where it is lighter."""
    side = len(picture)
    tone = spread_out(blur(light(picture), rng.uniform(0.8, 1.5)))
    rows, columns = np.mgrid[0:side, 0:side].astype(np.float32)
    angle, pitch = rng.uniform(0, math.pi), rng.uniform(3.5, 7)
    across = rows * math.cos(angle) + columns * math.sin(angle)
    bend = grain(side, 30, rng) * rng.uniform(1, 5) + tone * rng.uniform(0, 8)
    wave = np.abs(((across + bend) / pitch) % 1 * 2 - 1)
    white = 1 / (1 + np.exp(-14 * (tone * 1.15 - 0.08 - wave * rng.uniform(0.75, 1.0))))
    white = white * (1 - outlines(picture, 1.2) * 0.9)
    white = (1 / (1 + np.exp(-12 * (white - 0.5))))[..., None]
    return rng.uniform(0.02, 0.1) * (1 - white) + _sheet(side, (0.93, 0.9, 0.82), rng) * white


def blueprint(picture: Floats, rng: np.random.Generator) -> Floats:
    """Thin white lines on blue."""
    side = len(picture)
    steep, _ = slope(blur(picture, rng.uniform(0.7, 1.3)))
    lines = (steep / (np.percentile(steep, 96) + 0.015)).clip(0, 1) ** rng.uniform(1.0, 2.0)
    if rng.random() < 0.6:
        pitch = int(rng.integers(8, 24))
        ruled = np.zeros((side, side), dtype=np.float32)
        ruled[::pitch] = ruled[:, ::pitch] = rng.uniform(0.1, 0.35)
        lines = np.maximum(lines, ruled)
    blue = np.array([0.05, 0.22, 0.55], dtype=np.float32) * rng.uniform(0.8, 1.3)
    sheet = blue + 0.015 * grain(side, 9, rng)[..., None]
    ink = (lines * rng.uniform(0.7, 1.0))[..., None]
    return sheet * (1 - ink) + np.array([0.9, 0.95, 1.0], dtype=np.float32) * ink


def stained_glass(picture: Floats, rng: np.random.Generator) -> Floats:
    """Panes of glowing colour between black leads."""
    side = len(picture)
    count = round((side / rng.uniform(12.5, 25)) ** 2)
    points = rng.uniform(0, side, (count, 2)).astype(np.float32)
    cells, gap = nearest_of(points, side)
    panes = saturated(mean_of_each(picture, cells), rng.uniform(1.8, 3.0))
    bright = panes / (panes.max(-1, keepdims=True) + 0.15) * rng.uniform(0.75, 1.05)
    mixed = 0.35 * panes + 0.65 * bright
    glow = 1 + 0.12 * grain(side, 5, rng)[..., None] + 0.08 * grain(side, 40, rng)[..., None]
    lead = (1 / (1 + np.exp(2.5 * (gap - rng.uniform(1.8, 3.2)).clip(-9, 9))))[..., None]
    return mixed * glow * (1 - lead) + 0.03 * lead


def neon(picture: Floats, rng: np.random.Generator) -> Floats:
    """Tubes of coloured light along the outlines, in the dark."""
    side = len(picture)
    steep, _ = slope(blur(picture, rng.uniform(1.0, 1.8)))
    lines = ((steep / (np.percentile(steep, 96) + 0.01)) - 0.35).clip(0, 1)
    angle = grain(side, rng.uniform(25, 60), rng) * 1.5 + rng.uniform(0, 6.3)
    tube = blur(lines.astype(np.float32), 0.8)[..., None]
    colour = hues(angle.astype(np.float32))
    halo = blur(tube * colour, rng.uniform(2.5, 6)) * rng.uniform(1.5, 3)
    return 0.03 + picture * rng.uniform(0, 0.12) + halo + tube * (0.5 * colour + 0.5)


def black_and_white(picture: Floats, rng: np.random.Generator) -> Floats:
    """A photograph in greys."""
    grey = spread_out(light(picture)) ** rng.uniform(0.7, 1.4)
    grain_of_film = grain(len(picture), 1.2, rng) * rng.uniform(0, 0.05)
    tint = np.array([1.0, 1 - rng.uniform(0, 0.02), 1 - rng.uniform(0, 0.04)], dtype=np.float32)
    return (grey + grain_of_film)[..., None] * tint


def comic(picture: Floats, rng: np.random.Generator) -> Floats:
    """Flat, bright colours with black outlines, sometimes with dots of ink."""
    side = len(picture)
    flat = smooth_regions(smooth_regions(picture, 4), 3)
    levels = rng.integers(3, 6)
    flat = np.round(saturated(flat, rng.uniform(1.4, 2.2)) * levels) / levels
    if rng.random() < 0.5:
        rows, columns = np.mgrid[0:side, 0:side] * (2 * math.pi / rng.uniform(4, 7))
        dots = np.cos(rows) + np.cos(columns) > rng.uniform(0.6, 1.4)
        flat = flat * np.where(dots & (light(flat.astype(np.float32)) < 0.7), 0.75, 1.0)[..., None]
    line = (outlines(picture, 1.3) > rng.uniform(0.45, 0.7)).astype(np.float32)
    return flat * (1 - blur(line, 0.6)[..., None])


STYLES: dict[str, Filter] = {
    "photograph": photograph,
    "charcoal": charcoal,
    "pencil": pencil,
    "watercolour": watercolour,
    "oil": oil,
    "pixel art": pixel_art,
    "mosaic": mosaic,
    "woodcut": woodcut,
    "blueprint": blueprint,
    "stained glass": stained_glass,
    "neon": neon,
    "black and white": black_and_white,
    "comic": comic,
}
