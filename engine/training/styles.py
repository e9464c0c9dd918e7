"""Styles as filters: a plain drawing in, the same drawing as charcoal, watercolour, ... out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops, ImageFilter

Array = npt.NDArray[np.float32]


def _to_array(image: Image.Image) -> Array:
    return np.asarray(image, dtype=np.float32) / 255.0


def _to_image(array: Array) -> Image.Image:
    return Image.fromarray((np.clip(array, 0, 1) * 255).astype(np.uint8))


def _grain(rng: np.random.Generator, side: int, cells: int) -> Array:
    """Smooth noise [side, side] around zero with about ``cells`` bumps along a side."""
    coarse = rng.normal(0.0, 1.0, (cells, cells)).astype(np.float32)
    image = Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)
    return np.asarray(image, dtype=np.float32)


def _edges(image: Image.Image) -> Array:
    """Where colours meet, [side, side] from 0 to 1, in any of the three channels."""
    spread = ImageChops.difference(image.filter(ImageFilter.MaxFilter(3)),
                                   image.filter(ImageFilter.MinFilter(3)))
    edges: Array = _to_array(spread).max(axis=2)
    return edges


def charcoal(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Grey rubbed tones with dark, broken contours on off-white paper."""
    side = image.width
    tone = np.asarray(image.convert("L"), dtype=np.float32) / 255.0
    soft = 0.30 + 0.62 * tone
    stroke = _grain(rng, side, side // 2) * 0.07 + _grain(rng, side, side // 8) * 0.04
    contour = _edges(image.filter(ImageFilter.GaussianBlur(0.6)))
    contour = np.clip(contour * 1.6, 0, 1) * (0.75 + 0.25 * _grain(rng, side, side // 6))
    grey = soft + stroke * (1.15 - tone) - 0.75 * contour
    return _to_image(np.stack([grey * 0.97, grey * 0.96, grey * 0.93], axis=2))


def watercolour(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Pale washes that pool at wobbling rims, on white paper."""
    side = image.width
    rows, columns = np.mgrid[0:side, 0:side].astype(np.float32)
    wobble = side / 85
    rows = np.clip(rows + _grain(rng, side, 12) * wobble, 0, side - 1).astype(int)
    columns = np.clip(columns + _grain(rng, side, 12) * wobble, 0, side - 1).astype(int)
    bent = Image.fromarray(np.asarray(image)[rows, columns])
    wash = _to_array(bent.filter(ImageFilter.GaussianBlur(0.8)))
    pool = np.clip(_edges(bent.filter(ImageFilter.GaussianBlur(1.2))), 0, 1)[..., None]
    cloud = 0.10 * _grain(rng, side, 7)[..., None]
    pale = 0.36 + 0.64 * wash + cloud * (1 - wash) - 0.18 * pool * (1 - wash)
    return _to_image(pale.astype(np.float32))


def pixel_art(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Square pixels, sixteen to a side, in few levels of colour."""
    side = image.width
    small = image.resize((16, 16), Image.Resampling.BOX)
    few = np.round(_to_array(small) * 5) / 5
    few += rng.normal(0.0, 0.004, (1, 1, 3))
    return _to_image(few.astype(np.float32)).resize((side, side), Image.Resampling.NEAREST)


def neon(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Glowing contours in the things' own colours on near-black."""
    colour = _to_array(image.filter(ImageFilter.MaxFilter(3)))
    bright = colour / np.maximum(colour.max(axis=2, keepdims=True), 0.25)
    edge = np.clip(_edges(image) * 1.8, 0, 1)[..., None]
    line = _to_image((bright * edge).astype(np.float32))
    glow = _to_array(line.filter(ImageFilter.GaussianBlur(image.width / 42)))
    dark = 0.04 + 0.16 * _to_array(image) + rng.normal(0.0, 0.004)
    return _to_image((dark + 0.95 * _to_array(line) + 1.1 * glow).astype(np.float32))


STYLES: dict[str, Callable[[Image.Image, np.random.Generator], Image.Image]] = {
    "charcoal": charcoal,
    "watercolour": watercolour,
    "pixel art": pixel_art,
    "neon": neon,
}


def apply_style(image: Image.Image, style: str, rng: np.random.Generator) -> Image.Image:
    """``image`` (square, RGB) in the style of that name; KeyError for an unknown one."""
    return STYLES[style](image, rng)
