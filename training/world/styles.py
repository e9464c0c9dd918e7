"""Styles as filters: they turn a plain drawing into charcoal, watercolour and so on."""

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
    """How strong the edges are, [side, side] in 0..1: the most of the three channels."""
    spread = ImageChops.difference(
        image.filter(ImageFilter.MaxFilter(3)), image.filter(ImageFilter.MinFilter(3))
    )
    edges: Array = _to_array(spread).max(axis=2)
    return edges


def charcoal(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Smudged grey with dark, broken outlines on off-white paper."""
    side = image.width
    tone = np.asarray(image.convert("L"), dtype=np.float32) / 255.0
    soft = 0.30 + 0.62 * tone
    stroke = _grain(rng, side, side // 2) * 0.07 + _grain(rng, side, side // 8) * 0.04
    contour = _edges(image.filter(ImageFilter.GaussianBlur(0.6)))
    contour = np.clip(contour * 1.6, 0, 1) * (0.75 + 0.25 * _grain(rng, side, side // 6))
    grey = soft + stroke * (1.15 - tone) - 0.75 * contour
    return _to_image(np.stack([grey * 0.97, grey * 0.96, grey * 0.93], axis=2))


def watercolour(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Pale washes that are darker at their wobbly edges, on white paper."""
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
    """16 x 16 large pixels with few levels of colour."""
    side = image.width
    small = image.resize((16, 16), Image.Resampling.BOX)
    few = np.round(_to_array(small) * 5) / 5
    few += rng.normal(0.0, 0.004, (1, 1, 3))
    return _to_image(few.astype(np.float32)).resize((side, side), Image.Resampling.NEAREST)


def neon(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Glowing outlines in the picture's own colours on near-black."""
    colour = _to_array(image.filter(ImageFilter.MaxFilter(3)))
    bright = colour / np.maximum(colour.max(axis=2, keepdims=True), 0.25)
    edge = np.clip(_edges(image) * 1.8, 0, 1)[..., None]
    line = _to_image((bright * edge).astype(np.float32))
    glow = _to_array(line.filter(ImageFilter.GaussianBlur(image.width / 42)))
    dark = 0.04 + 0.16 * _to_array(image) + rng.normal(0.0, 0.004)
    return _to_image((dark + 0.95 * _to_array(line) + 1.1 * glow).astype(np.float32))


def pencil_sketch(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Thin grey outlines, and diagonal hatching in dark areas, on white paper."""
    side = image.width
    tone = np.asarray(image.convert("L"), dtype=np.float32) / 255.0
    across = np.arange(side)
    period = 5 * side / 128
    hatch = 0.5 + 0.5 * np.sin((across[:, None] + across) * 2 * np.pi / period + rng.random() * 6.3)
    shade = np.clip(0.85 - tone, 0, 1) * (0.25 + 0.45 * hatch)
    contour = np.clip(_edges(image) * 1.5, 0, 1) * (0.7 + 0.2 * _grain(rng, side, side // 4))
    grey = 0.97 - shade - 0.7 * contour + 0.02 * _grain(rng, side, side // 2)
    return _to_image(np.stack([grey, grey, grey * 1.01], axis=2))


def oil(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Thick, curved strokes of saturated colour with lit ridges."""
    side = image.width
    rows, columns = np.mgrid[0:side, 0:side].astype(np.float32)
    reach = 3.2 * side / 128
    rows = np.clip(rows + _grain(rng, side, side // 8) * reach, 0, side - 1).astype(int)
    columns = np.clip(columns + _grain(rng, side, side // 8) * reach, 0, side - 1).astype(int)
    stroked = Image.fromarray(np.asarray(image)[rows, columns]).filter(ImageFilter.ModeFilter(5))
    colour = _to_array(stroked)
    grey = colour.mean(axis=2, keepdims=True)
    ridges = _grain(rng, side, side // 3)
    light = (np.roll(ridges, 1, 0) - ridges)[..., None] * 0.10
    return _to_image((grey + (colour - grey) * 1.2) * 0.94 + light)


def mosaic(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Square tiles of uneven brightness, with pale joints."""
    side, cells = image.width, 21
    small = _to_array(image.resize((cells, cells), Image.Resampling.BOX))
    uneven = small + rng.normal(0.0, 0.05, (cells, cells, 1)).astype(np.float32)
    tiles = _to_array(_to_image(uneven).resize((side, side), Image.Resampling.NEAREST))
    along = (np.arange(side) * cells / side) % 1.0
    joint = (along < 0.17).astype(np.float32)
    joints = np.maximum(joint[:, None], joint[None, :])[..., None]
    return _to_image(tiles * (1 - joints) + np.float32(0.80) * joints)


def blueprint(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """White outlines and a fine grid on blue."""
    side = image.width
    line = np.clip(_edges(image) * 1.8, 0, 1)
    along = np.arange(side) % max(2, round(side / 12)) == int(rng.integers(3))
    grid = np.maximum(along[:, None], along[None, :]) * 0.18
    tone = np.asarray(image.convert("L"), dtype=np.float32) / 255.0
    white = np.clip(0.92 * line + grid + 0.10 * tone, 0, 1)[..., None]
    blue = np.array([0.06, 0.24, 0.58], dtype=np.float32) + np.float32(rng.normal(0.0, 0.01))
    return _to_image((blue * (1 - white) + white * np.array([0.93, 0.96, 1.0])).astype(np.float32))


def woodcut(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Black and cream: dark areas are solid, middle tones are wavy lines."""
    side = image.width
    tone = np.asarray(image.convert("L"), dtype=np.float32) / 255.0
    bent = np.arange(side)[:, None] + _grain(rng, side, 6) * 1.5 * side / 128
    period = 6 * side / 128
    line = 0.5 + 0.5 * np.sin(bent * 2 * np.pi / period)
    light = (tone * 1.1 - 0.1 > 0.15 + 0.65 * line).astype(np.float32)
    # Areas of the same tone are separated by an outline with a cut on either side.
    contour = np.clip(_edges(image) * 2.5 - 0.3, 0, 1)
    cut = _to_array(_to_image(contour).filter(ImageFilter.MaxFilter(5)))
    light = np.maximum(light, cut) * (1 - contour)
    cream, ink = np.array([0.95, 0.90, 0.78]), np.array([0.10, 0.08, 0.07])
    soft = _to_image((ink + (cream - ink) * light[..., None]).astype(np.float32))
    return soft.filter(ImageFilter.GaussianBlur(side / 256))


def stained_glass(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Bright panes of uneven light, with leads between them and along the outlines."""
    side, panes = image.width, 45
    seeds = rng.random((panes, 2)).astype(np.float32) * side
    rows, columns = np.mgrid[0:side, 0:side].astype(np.float32)
    far = (rows[..., None] - seeds[:, 0]) ** 2 + (columns[..., None] - seeds[:, 1]) ** 2
    pane = far.argmin(axis=2)
    colour = _to_array(image.filter(ImageFilter.ModeFilter(5)))
    grey = colour.mean(axis=2, keepdims=True)
    light = rng.uniform(0.7, 1.15, (panes, 1)).astype(np.float32)
    bright = np.clip(grey + (colour - grey) * 1.3, 0, 1) * light[pane]
    seam = (pane != np.roll(pane, 1, 0)) | (pane != np.roll(pane, 1, 1))
    seams = _to_array(
        Image.fromarray((seam * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(side / 180))
    )
    contour = np.clip(_edges(image) * 2.2 - 0.2, 0, 1)
    lead = np.maximum(np.clip(seams * 1.6, 0, 1), contour)[..., None]
    return _to_image(bright * (1 - lead) + 0.07 * lead)


STYLES: dict[str, Callable[[Image.Image, np.random.Generator], Image.Image]] = {
    "charcoal": charcoal,
    "watercolour": watercolour,
    "pixel art": pixel_art,
    "neon": neon,
    "pencil sketch": pencil_sketch,
    "oil": oil,
    "mosaic": mosaic,
    "blueprint": blueprint,
    "woodcut": woodcut,
    "stained glass": stained_glass,
}


def apply_style(image: Image.Image, style: str, rng: np.random.Generator) -> Image.Image:
    """``image`` (square, RGB) in the named style; KeyError for an unknown one."""
    return STYLES[style](image, rng)
