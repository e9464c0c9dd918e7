"""Photographs as training pictures: which files are used, and random crops of them."""

from __future__ import annotations

import bz2
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.pictures.colours import recolour, tint
from training.pictures.files import picture_files

Bytes = NDArray[np.uint8]

# For validation. Files with these names are never trained on, whatever folder they are in.
HELD_OUT = ("coffee", "chelsea", "china")
# In the packages' data, but documents, logos, charts, masks or test images.
# The motorcycle (Middlebury 2014) names no licence.
# fmt: off
NOT_NATURAL = ("cell", "chessboard_GRAY", "chessboard_RGB", "clock_motion", "color", "horse", "ihc",
               "logo", "logo2", "microaneurysms", "Minduka_Present_Blue_Pack", "page", "phantom",
               "text", "motorcycle_left", "motorcycle_right")
# fmt: on
SCIPY_FACE = "face.dat"  # a raccoon in scipy/misc until SciPy 1.9: packed bytes, no header
_LONGEST = 1000  # px; longer ones are reduced when loaded


def photograph_files(folder: Path) -> list[Path]:
    """The picture files directly in ``folder`` and SciPy's, in the order of their names."""
    face = folder / SCIPY_FACE
    return sorted([*picture_files(folder), *([face] if face.exists() else [])])


def load_photographs(folders: Sequence[Path], longest: int = _LONGEST) -> list[Bytes]:
    """All photographs to train on, each [H, W, 3], or [H, W, 1] if it is grey."""
    files = [
        path
        for folder in folders
        for path in photograph_files(folder)
        if path.stem not in HELD_OUT + NOT_NATURAL
    ]
    return [_load(path, longest) for path in files]


def load_held_out(folders: Sequence[Path], side: int = 256) -> dict[str, Bytes]:
    """The middle square of every held-out photograph found, resized to [side, side, 3]."""
    found: dict[str, Bytes] = {}
    for path in (path for folder in folders for path in photograph_files(folder)):
        if path.stem in HELD_OUT:
            with Image.open(path) as image:
                square = _middle(image.convert("RGB")).resize((side, side), Image.Resampling.BOX)
            found[path.stem] = np.asarray(square)
    return found


def _load(path: Path, longest: int) -> Bytes:
    with _open(path) as image:
        grey = image.mode in ("1", "L", "I;16")
        converted = image.convert("L" if grey else "RGB")
    converted.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    pixels = np.asarray(converted)
    return pixels[..., None] if grey else pixels


def _open(path: Path) -> Image.Image:
    if path.name != SCIPY_FACE:
        return Image.open(path)
    pixels = np.frombuffer(bz2.decompress(path.read_bytes()), dtype=np.uint8)
    return Image.fromarray(pixels.reshape(768, 1024, 3))


def _middle(image: Image.Image) -> Image.Image:
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return image.crop((left, top, left + side, top + side))


def photograph(photographs: Sequence[Bytes], side: int, rng: np.random.Generator) -> Bytes:
    """A random square of one of them, [side, side, 3], with varied colours and orientation.

    The square is reduced, never enlarged, unless the photograph itself is smaller: a generator that
    learns from enlarged, blurred pictures paints blurred ones.
    """
    pixels = crop(photographs[int(rng.integers(len(photographs)))], side, rng)
    picture = pixels.astype(np.float32) / np.float32(255)
    picture = tint(picture, rng) if picture.shape[2] == 1 else recolour(picture, rng)
    return (picture * 255).astype(np.uint8)


def crop(pixels: Bytes, side: int, rng: np.random.Generator) -> Bytes:
    """A random square of ``pixels`` [H, W, C], mirrored half of the time: [side, side, C]."""
    height, width, channels = pixels.shape
    shortest = min(height, width)
    low = min(side, shortest)
    length = round(low * (shortest / low) ** rng.random())
    top, left = rng.integers(height - length + 1), rng.integers(width - length + 1)
    square = pixels[top : top + length, left : left + length]
    if channels == 1:
        square = square[..., 0]
    if length != side:
        square = np.asarray(
            Image.fromarray(np.ascontiguousarray(square)).resize(
                (side, side), Image.Resampling.LANCZOS
            )
        )
    square = square.reshape(side, side, channels)
    if rng.random() < 0.5:
        square = square[:, ::-1]
    if rng.random() < 0.15:
        square = np.rot90(square, int(rng.integers(1, 4)))
    return square
