"""Training pictures that are drawn beforehand, for a machine that lacks their sources."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.pictures.pool import Sources

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
    """Write pictures of all kinds to the folder ``into``, which can then be one of photographs.

    They are JPEG files of ``side`` px, ``count`` or as many as fit into ``most_bytes`` with the
    photographs for validation, which keep their names. Returns how many there are.
    """
    into.mkdir(parents=True, exist_ok=True)
    left = most_bytes
    for name, pixels in held_out.items():
        left -= _write(pixels, into / f"{name}.png")
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        path = into / f"drawn-{number:05d}.jpg"
        left -= _write(sources.draw(side, rng), path)
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
