"""Training pictures that are drawn beforehand, for a machine that lacks their sources."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.pictures.pool import Sources

PHOTOGRAPHS, PAINTINGS, OTHERS = FOLDERS = ("photographs", "paintings", "others")
"""Where the pictures go. Looks have to know which are photographs."""
_QUALITY = 92


def draw_pictures(
    sources: Sources,
    held_out: Mapping[str, NDArray[np.uint8]],
    into: Path,
    *,
    count: int,
    side: int,
    most_bytes: int,
    seed: int,
) -> int:
    """Write pictures of all kinds to FOLDERS in ``into``, in place of those drawn there before.

    They are JPEG files of ``side`` px, ``count`` or as many as fit into ``most_bytes`` with the
    photographs for validation, which keep their names. Returns how many there are.
    """
    for folder in FOLDERS:
        (into / folder).mkdir(parents=True, exist_ok=True)
        for old in (into / folder).glob("drawn-*.jpg"):
            old.unlink()
    left = most_bytes
    for name, pixels in held_out.items():
        left -= _write(pixels, into / PHOTOGRAPHS / f"{name}.png")
    for number in range(count):
        kind, pixels = sources.draw_kind(side, np.random.default_rng([seed, number]))
        folder = kind if kind in FOLDERS else OTHERS
        path = into / folder / f"drawn-{number:05d}.jpg"
        left -= _write(pixels, path)
        if left < 0:
            path.unlink()
            return number
    return count


def _write(pixels: NDArray[np.uint8], path: Path) -> int:
    file = io.BytesIO()
    kind = "PNG" if path.suffix == ".png" else "JPEG"
    Image.fromarray(pixels).save(file, kind, quality=_QUALITY, subsampling=0)
    path.write_bytes(file.getvalue())
    return len(file.getvalue())
