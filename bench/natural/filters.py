"""Styles as filters for photographs and drawings; the style judge is trained on their pictures.

Each filter takes a square picture [S, S, 3] in 0..1 and varies its strength at random.
``training.world.styles`` has other filters for the same styles; the judge learns from both.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

Array = npt.NDArray[np.float32]
Filter = Callable[[Array, np.random.Generator], Array]
_GREY = np.array([0.299, 0.587, 0.114], dtype=np.float32)


def to_array(image: Image.Image) -> Array:
    """A picture as [H, W, 3] in 0..1."""
    array: Array = np.asarray(image.convert("RGB"), dtype=np.float32) / np.float32(255)
    return array


def to_image(array: Array) -> Image.Image:
    """A picture from [H, W, 3], or from greys [H, W], in 0..1."""
    return Image.fromarray((array.clip(0, 1) * 255).round().astype(np.uint8))


def _grey(array: Array) -> Array:
    grey: Array = (array @ _GREY).astype(np.float32)
    return grey


def _blur(array: Array, radius: float) -> Array:
    """A Gaussian blur of [S, S] or [S, S, 3]."""
    image = to_image(array).filter(ImageFilter.GaussianBlur(radius))
    return np.asarray(image).astype(np.float32) / np.float32(255)


def _noise(rng: np.random.Generator, side: int, cells: int) -> Array:
    """Smooth noise [S, S], about standard normal, with ``cells`` bumps along a side."""
    coarse = rng.normal(0, 1, (cells, cells)).astype(np.float32)
    image = Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)
    return np.asarray(image, dtype=np.float32)


def _stretch(grey: Array) -> Array:
    """``grey`` stretched so that its darkest 5% are black and its lightest 5% white."""
    low, high = np.quantile(grey, (0.05, 0.95))
    stretched: Array = ((grey - low) / max(0.1, high - low)).clip(0, 1).astype(np.float32)
    return stretched


def _lines(array: Array, width: float, strength: float = 8.0) -> Array:
    """The lines of a picture, [S, S] in 0..1: a difference of Gaussians."""
    grey = _grey(array)
    fine, coarse = _blur(grey, width), _blur(grey, width * 1.6)
    lines: Array = ((coarse - fine) * strength * 3).clip(0, 1)
    return lines


def _edges(array: Array, radius: float) -> Array:
    """The strength of the colour gradient, [S, S] in 0..1."""
    smooth = _blur(array, radius)
    rows, columns = np.gradient(smooth, axis=(0, 1))
    steep: Array = (np.hypot(rows, columns).max(2) * 7 * radius).clip(0, 1).astype(np.float32)
    return steep


def _paper(rng: np.random.Generator, side: int, colour: tuple[float, float, float]) -> Array:
    grain = _noise(rng, side, side // 2) * 0.015 + _noise(rng, side, side // 6) * 0.01
    paper: Array = (np.array(colour, dtype=np.float32) + grain[..., None]).astype(np.float32)
    return paper


def charcoal(array: Array, rng: np.random.Generator) -> Array:
    """Rubbed tones with a coarse grain, and thick soft contours."""
    side = len(array)
    tone = _stretch(_blur(_grey(array), rng.uniform(0.8, 2.5)))
    tone = tone ** rng.uniform(0.7, 1.3)
    rough = _noise(rng, side, side) * 0.5 + _noise(rng, side, side // 3) * 0.5
    covered = (1 - tone) * rng.uniform(0.75, 1.0)
    ink = (covered + rough * 0.22 * np.sqrt(covered.clip(0.02, 1))).clip(0, 1)
    contour = _blur(_edges(array, rng.uniform(1.2, 2.2)), 1.0) * rng.uniform(0.5, 1.0)
    ink = np.maximum(ink, contour * (0.8 + 0.2 * rough)).clip(0, 1)[..., None]
    warm = rng.uniform(0, 0.06)
    paper = _paper(rng, side, (0.95, 0.95 - warm / 2, 0.93 - warm))
    drawn = paper * (1 - ink) + np.float32(rng.uniform(0.06, 0.16)) * ink
    return drawn.clip(0, 1).astype(np.float32)


def pencil(array: Array, rng: np.random.Generator) -> Array:
    """Thin grey lines and fine hatching on white paper."""
    side = len(array)
    grey = _stretch(_grey(array))
    dodged = (grey / (_blur(grey, rng.uniform(2, 6)) + 0.05)).clip(0, 1) ** rng.uniform(0.7, 1.6)
    along = np.arange(side, dtype=np.float32)
    slope = rng.uniform(0.5, 2.0) * float(rng.choice((-1, 1)))
    bent = along[:, None] + slope * along[None, :] + _noise(rng, side, 8) * 3
    hatch = 0.5 + 0.5 * np.sin(bent * 2 * np.pi / rng.uniform(3.0, 5.5))
    shade = (rng.uniform(0.6, 0.9) - grey).clip(0, 1) * (0.1 + rng.uniform(0.2, 0.6) * hatch)
    lines = _lines(array, rng.uniform(0.7, 1.2), 5) * rng.uniform(0.2, 0.5)
    dark = (1 - dodged) * 0.6 + shade + lines
    dark = (dark * rng.uniform(0.7, 1.0) * (1 + 0.15 * _noise(rng, side, side))).clip(0, 0.75)
    drawn = _paper(rng, side, (0.97, 0.97, 0.96)) * (1 - dark[..., None])
    return drawn.clip(0, 1).astype(np.float32)


def _median(array: Array, rounds: int, size: int) -> Array:
    """Flat patches with clear borders, by ``rounds`` of a median filter."""
    image = to_image(array)
    for _ in range(rounds):
        image = image.filter(ImageFilter.MedianFilter(size))
    return to_array(image)


def watercolour(array: Array, rng: np.random.Generator) -> Array:
    """Pale, flat washes with darker rims that bleed into white paper."""
    side = len(array)
    rows, columns = np.mgrid[0:side, 0:side].astype(np.float32)
    reach = rng.uniform(1.5, 4.0)
    rows = (rows + _noise(rng, side, 24) * reach).clip(0, side - 1).astype(int)
    columns = (columns + _noise(rng, side, 24) * reach).clip(0, side - 1).astype(int)
    wash = _median(array[rows, columns], int(rng.integers(2, 5)), 5)
    grey = _grey(wash)[..., None]
    wash = grey + (wash - grey) * rng.uniform(1.0, 1.5)
    rim = _edges(wash, 1.0)[..., None] * rng.uniform(0.15, 0.4)
    pigment = 1 + (_noise(rng, side, 10) * 0.12 + _noise(rng, side, side // 2) * 0.04)[..., None]
    thin = rng.uniform(0.5, 0.8) * pigment
    painted = 1 - (1 - wash) * thin.clip(0, 1) - rim * (1 - wash)
    if rng.random() < 0.5:  # an unpainted margin
        far = np.abs(np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]).max(0).astype(np.float32)
        edge = ((rng.uniform(0.8, 0.95) - far + _noise(rng, side, 12) * 0.05) * 12).clip(0, 1)
        painted = 1 - (1 - painted) * edge[..., None]
    painted = painted + (_noise(rng, side, side // 2) * 0.015)[..., None]
    return painted.clip(0, 1).astype(np.float32)


def oil(array: Array, rng: np.random.Generator) -> Array:
    """Brush strokes of one colour each, large ones first, along the picture's own lines."""
    side = len(array)
    rows, columns = np.gradient(_blur(_grey(array), 2.5))
    turned = np.arctan2(rows, columns) + np.pi / 2 + _noise(rng, side, 10) * 0.4
    canvas = to_image(_blur(array, 5))
    pen = ImageDraw.Draw(canvas)
    grey = _grey(array)[..., None]
    vivid = _blur(grey + (array - grey) * rng.uniform(1.0, 1.4), 1.0)
    scale = side / 256 * rng.uniform(0.9, 1.6)
    for width, length, count in ((9, 26, 500), (5, 16, 1300), (3, 10, 2200)):
        spots = rng.integers(0, side, (count, 2))
        lights = rng.normal(1, 0.07, count)
        for (row, column), light in zip(spots, lights, strict=True):
            angle = turned[row, column]
            across, down = np.cos(angle) * length * scale / 2, np.sin(angle) * length * scale / 2
            colour = tuple(int(c) for c in (vivid[row, column] * light * 255).clip(0, 255))
            pen.line(
                (column - across, row - down, column + across, row + down),
                fill=colour,
                width=max(1, round(width * scale)),
            )
    painted = to_array(canvas)
    ridges = _grey(painted) + _noise(rng, side, side) * 0.03
    relief = np.roll(ridges, 1, 0) - ridges + np.roll(ridges, 1, 1) - ridges
    return (painted + (relief * rng.uniform(0.2, 0.6))[..., None]).clip(0, 1).astype(np.float32)


def pixel_art(array: Array, rng: np.random.Generator) -> Array:
    """Square pixels, in a palette of a few colours."""
    side, cells = len(array), int(rng.integers(14, 33))
    small = to_image(array).resize((cells, cells), Image.Resampling.BOX)
    few = small.quantize(int(rng.integers(6, 25)), dither=Image.Dither.NONE).convert("RGB")
    return to_array(few.resize((side, side), Image.Resampling.NEAREST))


def _cells(rng: np.random.Generator, side: int, across: int, uneven: float) -> npt.NDArray:
    """For each pixel [S, S], the number of the nearest of about ``across``² random points."""
    grid = (np.mgrid[0 : across + 2, 0 : across + 2].reshape(2, -1).T - 0.5) * side / across
    points = grid + rng.uniform(-0.5, 0.5, grid.shape) * uneven * side / across
    rows, columns = np.mgrid[0:side, 0:side]
    nearest = np.zeros((side, side), dtype=int)
    shortest = np.full((side, side), np.inf)
    square = (rows * across // side, columns * across // side)
    for down in range(-1, 3):  # the nearest point is in the pixel's own square or one next to it
        for along in range(-1, 3):
            number = (square[0] + down).clip(0, across + 1) * (across + 2) + (
                square[1] + along
            ).clip(0, across + 1)
            distance = (rows - points[number, 0]) ** 2 + (columns - points[number, 1]) ** 2
            nearest = np.where(distance < shortest, number, nearest)
            shortest = np.minimum(distance, shortest)
    return nearest


def _mean_colours(array: Array, cells: npt.NDArray) -> Array:
    """The mean colour [cells, 3] of each cell."""
    flat = cells.reshape(-1)
    count = np.bincount(flat).clip(1)
    return np.stack(
        [np.bincount(flat, array[..., c].reshape(-1)) / count for c in range(3)], axis=1
    ).astype(np.float32)


def _borders(cells: npt.NDArray, width: int) -> Array:
    """The borders between cells, [S, S] of 0 or 1, about ``width`` pixels wide."""
    seam = (cells != np.roll(cells, 1, 0)) | (cells != np.roll(cells, 1, 1))
    image = Image.fromarray((seam * 255).astype(np.uint8))
    if width > 1:
        image = image.filter(ImageFilter.MaxFilter(width // 2 * 2 + 1))
    return np.asarray(image).astype(np.float32) / np.float32(255)


def mosaic(array: Array, rng: np.random.Generator) -> Array:
    """Small stones of one colour each, with joints between them."""
    side = len(array)
    cells = _cells(rng, side, int(rng.integers(20, 38)), rng.uniform(0.0, 0.7))
    colours = _mean_colours(array, cells)
    colours = colours * rng.normal(1, 0.1, (len(colours), 1)).astype(np.float32)
    joint = np.float32(rng.uniform(0.55, 0.9) if rng.random() < 0.7 else rng.uniform(0.1, 0.3))
    seams = _borders(cells, int(rng.integers(1, 3)))[..., None]
    return (colours[cells] * (1 - seams) + joint * seams).clip(0, 1)


def stained_glass(array: Array, rng: np.random.Generator) -> Array:
    """Large, glowing panes between thick leads."""
    side = len(array)
    cells = _cells(rng, side, int(rng.integers(6, 15)), rng.uniform(0.7, 1.0))
    # Panes follow the colours of the picture.
    image = to_image(_median(array, 3, 5))
    image = image.quantize(int(rng.integers(4, 9)), dither=Image.Dither.NONE)
    cells = cells * 16 + np.asarray(image.filter(ImageFilter.ModeFilter(9)), dtype=int)
    numbers = np.unique(cells, return_inverse=True)[1].reshape(side, side)
    colours = _mean_colours(array, numbers)
    grey = _grey(colours)[:, None]
    bright = (grey + (colours - grey) * rng.uniform(1.4, 2.2)) * rng.uniform(0.9, 1.25)
    bright = bright * rng.normal(1, 0.12, (len(bright), 1))
    glow = 1 + 0.12 * _noise(rng, side, 5)[..., None]
    seams = _blur(_borders(numbers, int(rng.integers(2, 5))), 0.6)[..., None]
    return (bright[numbers] * glow * (1 - seams) + 0.05 * seams).clip(0, 1).astype(np.float32)


def woodcut(array: Array, rng: np.random.Generator) -> Array:
    """Two tones: solid black, and lines cut where it is lighter."""
    side = len(array)
    tone = _stretch(_blur(_grey(array), rng.uniform(0.6, 1.4)))
    along = np.arange(side, dtype=np.float32)
    slope = rng.uniform(-0.5, 0.5)
    bent = along[:, None] + slope * along[None, :] + _noise(rng, side, 6) * rng.uniform(1, 5)
    line = 0.5 + 0.5 * np.sin(bent * 2 * np.pi / rng.uniform(5, 9))
    light = tone > rng.uniform(0.1, 0.25) + rng.uniform(0.4, 0.65) * line
    contour = _lines(array, rng.uniform(1.0, 1.8), 14) > 0.5
    light = (light & ~contour).astype(np.float32)
    soft = _blur(light, 0.6)[..., None]
    cream = np.array([0.96, 0.93, rng.uniform(0.8, 0.95)], dtype=np.float32)
    return soft * cream + (1 - soft) * np.float32(rng.uniform(0.04, 0.12))


def blueprint(array: Array, rng: np.random.Generator) -> Array:
    """White lines on blue, often on a grid."""
    side = len(array)
    line = np.maximum(
        _lines(array, rng.uniform(0.7, 1.2), 12), _edges(array, 1.0) * rng.uniform(0.4, 0.9)
    )
    white = line * rng.uniform(0.8, 1.0) + _stretch(_grey(array)) * rng.uniform(0.0, 0.15)
    if rng.random() < 0.7:
        step, at = int(rng.integers(12, 33)), int(rng.integers(12))
        ruled = (np.arange(side) + at) % step == 0
        white = np.maximum(white, (ruled[:, None] | ruled[None, :]) * rng.uniform(0.12, 0.3))
    blue = (
        np.array(
            [rng.uniform(0.02, 0.14), rng.uniform(0.18, 0.34), rng.uniform(0.5, 0.7)],
            dtype=np.float32,
        )
        + (_noise(rng, side, 6) * 0.02)[..., None]
    )
    covered = white.clip(0, 1)[..., None]
    return (blue * (1 - covered) + 0.96 * covered).clip(0, 1).astype(np.float32)


def neon(array: Array, rng: np.random.Generator) -> Array:
    """Glowing lines in vivid colours on near black."""
    line = np.maximum(
        _lines(array, rng.uniform(0.9, 1.8), 12), (_edges(array, 1.2) - 0.25).clip(0, 1) * 1.2
    )
    colour = _blur(array, 3)
    if rng.random() < 0.5:  # tubes with colours other than the thing's
        hues = np.stack([_noise(rng, len(array), int(rng.integers(2, 5))) for _ in range(3)], 2)
        colour = 0.5 + 0.5 * hues
    vivid = colour - colour.min(axis=2, keepdims=True) * 0.8
    vivid = (vivid / vivid.max(axis=2, keepdims=True).clip(0.05)).clip(0, 1)
    tube = vivid * line.clip(0, 1)[..., None]
    glow = _blur(tube, rng.uniform(3, 8)) * rng.uniform(0.6, 1.5)
    glow = glow / max(1.0, 2.5 * float(glow.mean()))
    dark = array * rng.uniform(0.02, 0.15) + rng.uniform(0.0, 0.05)
    lit = dark + glow + tube + (line[..., None] ** 3) * rng.uniform(0, 0.5)
    return lit.clip(0, 1).astype(np.float32)


FILTERS: dict[str, Filter] = {
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
}
"""The filter of each style. A photograph has none."""
