"""Make pictures small enough for Discord. This is slow: call it in a thread."""

from __future__ import annotations

import io

from PIL import Image

from engine.pictures.colours import over_white

THUMBNAIL = 256
_LARGE = 2_000_000  # pixels


def shrink(data: bytes, limit: int) -> tuple[bytes, str] | None:
    """Return a picture file of at most ``limit`` bytes, and its ending ("png", "webp", "jpg").

    Its size in pixels stays as long as possible: first the file itself, then WebP at falling
    quality, then the same at half the size, and so on. Large pictures are JPEG instead, which takes
    a fraction of WebP's time and has no limit of 16,383 pixels per side. None if even 64 pixels do
    not fit.
    """
    if len(data) <= limit:
        return data, "png"
    with Image.open(io.BytesIO(data)) as opened:
        image = _flat(opened)
    while min(image.size) >= 64:
        is_large = image.width * image.height > _LARGE
        for quality in (95, 85, 70):
            file = io.BytesIO()
            image.save(file, "JPEG" if is_large else "WEBP", quality=quality)
            if file.tell() <= limit:
                return file.getvalue(), "jpg" if is_large else "webp"
        image = image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS)
    return None


def size_of(data: bytes) -> tuple[int, int]:
    """Return the width and height of a picture file, from its header alone."""
    with Image.open(io.BytesIO(data)) as opened:
        return opened.size


def thumbnail(data: bytes) -> bytes:
    """Return a WebP of at most 256 pixels per side."""
    with Image.open(io.BytesIO(data)) as opened:
        image = _flat(opened)
    image.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    image.save(file, "WEBP", quality=80)
    return file.getvalue()


def _flat(image: Image.Image) -> Image.Image:
    """The picture in RGB, as Discord would show it on white if it is transparent."""
    return over_white(
        image.convert("RGBA") if image.has_transparency_data else image.convert("RGB")
    )
