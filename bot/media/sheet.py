"""Several pictures as one, two by two. This is slow: call it in a thread."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

from PIL import Image

_ACROSS = 2
_EMPTY = (54, 57, 63)  # as dark as Discord


def sheet(pictures: Sequence[bytes | None], side: int | None = None) -> bytes:
    """Return picture files as one picture, two in each row, from the top left.

    It is a PNG that has every pixel, or a JPEG in which none is wider or higher than ``side``
    pixels. None leaves its place empty. All have one size; others are fitted to that of the first.
    """
    opened = [None if data is None else _read(data) for data in pictures]
    first = next((image for image in opened if image is not None), None)
    width, height = (1, 1) if first is None else first.size
    if side is not None and max(width, height) > side:
        scale = side / max(width, height)
        width, height = max(1, round(width * scale)), max(1, round(height * scale))
    rows = math.ceil(len(opened) / _ACROSS)
    whole = Image.new("RGB", (width * min(_ACROSS, len(opened)), height * rows), _EMPTY)
    for i, image in enumerate(opened):
        if image is not None:
            fitted = image
            if image.size != (width, height):
                fitted = image.resize((width, height), Image.Resampling.LANCZOS)
            whole.paste(fitted, (width * (i % _ACROSS), height * (i // _ACROSS)))
    file = io.BytesIO()
    if side is None:
        whole.save(file, "PNG")
    else:
        whole.save(file, "JPEG", quality=85)
    return file.getvalue()


def _read(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as image:
        return image.convert("RGB")
