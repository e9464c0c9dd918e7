"""Variation of colours: a few dozen photographs do not have all colours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]

_GREY = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # weights of brightness, ITU-R BT.601


def random_colour(rng: np.random.Generator) -> Floats:
    """A colour [3] in 0..1: often muted, as colours in photographs are, sometimes pure."""
    colour = rng.random(3)
    muted = rng.random() ** 0.7
    mean = colour.mean()
    chosen: Floats = (mean + muted * (colour - mean)).clip(0, 1).astype(np.float32)
    return chosen


def recolour(picture: Floats, rng: np.random.Generator) -> Floats:
    """A picture [H, W, 3] in 0..1 with other contrast, brightness, saturation, sometimes hue."""
    if rng.random() < 0.25:
        picture = picture @ _hue_rotation(float(rng.uniform(-np.pi, np.pi)))
    grey = (picture @ _GREY)[..., None]
    picture = grey + (picture - grey) * np.float32(rng.uniform(0.6, 1.5))
    contrast = np.float32(rng.uniform(0.75, 1.25))
    shift = rng.normal(0, 0.05) + rng.normal(0, 0.03, 3)
    return ((picture - 0.5) * contrast + 0.5 + shift).clip(0, 1).astype(np.float32)


def tint(grey: Floats, rng: np.random.Generator) -> Floats:
    """A grey picture [H, W, 1] in 0..1, coloured by three colours from dark to bright."""
    if rng.random() < 0.2:
        return np.repeat(grey, 3, axis=2)
    middle = random_colour(rng)
    knots = np.stack([middle * rng.uniform(0, 0.5), middle, 1 - (1 - middle) * rng.uniform(0, 0.6)])
    values = grey[..., 0].ravel()
    columns = [np.interp(values, (0.0, 0.5, 1.0), knots[:, channel]) for channel in range(3)]
    tinted: Floats = np.stack(columns, axis=1).reshape(*grey.shape[:2], 3).astype(np.float32)
    return tinted


def _hue_rotation(angle: float) -> Floats:
    """The matrix [3, 3] that turns colours (as rows) around the axis of greys."""
    axis = np.full(3, 3**-0.5)
    cross = np.cross(np.eye(3), axis)
    matrix: Floats = (
        np.cos(angle) * np.eye(3)
        + np.sin(angle) * cross
        + (1 - np.cos(angle)) * np.outer(axis, axis)
    )
    return matrix.astype(np.float32)
