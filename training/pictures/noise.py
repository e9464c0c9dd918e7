"""Textures and skies from 1/f noise, which has the spectrum of natural pictures.

Field 1987, "Relations between the statistics of natural images and the response properties of
cortical cells": amplitudes fall with the frequency, about as 1/f.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.pictures.colours import random_colour

Bytes = NDArray[np.uint8]
Floats = NDArray[np.floating]


def fractal(
    side: int,
    channels: int,
    rng: np.random.Generator,
    *,
    power: float,
    stretch: float = 1.0,
    angle: float = 0.0,
) -> Floats:
    """Noise [side, side, channels] of mean 0 and deviation 1 with a spectrum of 1/f**power.

    ``stretch`` stretches it along the direction ``angle`` (radians), for fur, wood and water.
    """
    down, across = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :]
    along = across * np.cos(angle) + down * np.sin(angle)
    perpendicular = -across * np.sin(angle) + down * np.cos(angle)
    frequency = np.hypot(along * stretch, perpendicular / stretch)
    frequency[0, 0] = 1.0
    amplitude = frequency**-power
    amplitude[0, 0] = 0.0
    shape = (*amplitude.shape, channels)
    spectrum = (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) * amplitude[..., None]
    noise = np.fft.irfft2(spectrum, s=(side, side), axes=(0, 1))
    normalised: Floats = (noise / noise.std(axis=(0, 1)).clip(1e-9)).astype(np.float32)
    return normalised


def texture(side: int, rng: np.random.Generator) -> Bytes:
    """A noise texture [side, side, 3] with correlated channels, like light and shade."""
    stretched = rng.random() < 0.4
    noise = fractal(
        side,
        3,
        rng,
        power=float(rng.uniform(1.0, 2.1)),
        stretch=float(rng.uniform(1.2, 3.0)) if stretched else 1.0,
        angle=float(rng.uniform(0, np.pi)),
    )
    if rng.random() < 0.25:  # ridges: rock, bark, lightning
        noise = 1.3 - 2 * np.abs(noise)
    contrast = rng.uniform(0.04, 0.22)
    light = noise[..., :1] * np.float32(contrast)
    colour = noise @ (rng.normal(0, 0.35 * contrast, (3, 3))).astype(np.float32)
    return _bytes(random_colour(rng) + light + colour)


def sky(side: int, rng: np.random.Generator) -> Bytes:
    """A gradient of two or three colours [side, side, 3], often with clouds on it."""
    knots = np.stack([random_colour(rng) for _ in range(rng.integers(2, 4))])
    angle = rng.normal(np.pi / 2, 0.6)
    place = np.linspace(0, 1, side)
    along = place[None, :] * np.cos(angle) + place[:, None] * np.sin(angle)
    along = (along - along.min()) / np.ptp(along)
    where = np.linspace(0, 1, len(knots))
    picture = np.stack([np.interp(along, where, knots[:, channel]) for channel in range(3)], axis=2)
    if rng.random() < 0.6:
        clouds = fractal(side, 1, rng, power=float(rng.uniform(1.3, 2.2)))
        cover = 1 / (1 + np.exp(-rng.uniform(1, 4) * (clouds - rng.uniform(-0.5, 1.5))))
        picture = picture + cover * (np.clip(random_colour(rng) + 0.4, 0, 1) - picture)
    picture = picture + rng.normal(0, rng.uniform(0, 0.012), picture.shape)  # grain
    return _bytes(picture)


def _bytes(picture: NDArray[np.floating]) -> Bytes:
    return (picture.clip(0, 1) * 255).astype(np.uint8)
