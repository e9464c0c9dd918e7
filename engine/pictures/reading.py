"""Reads pictures from outside."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageChops, ImageOps, WebPImagePlugin

from engine.errors import RequestError, os_reason

MAX_PIXELS = 50_000_000
MAX_BYTES = 100_000_000
# Pillow knows a format's name only after its plugin is imported, and does not import WebP's by
# itself. MPO is read as JPEG. TIFF is left out: libtiff prints errors straight to stderr.
FORMATS = ("PNG", "JPEG", WebPImagePlugin.WebPImageFile.format, "GIF", "BMP")
# What Pillow's plugins raise for broken files, found by changing bytes of intact files.
BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    OverflowError,
    AttributeError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)


def read_file(path: Path) -> bytes:
    """A picture file's bytes; raises RequestError if it cannot be read or is over 100 MB."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise RequestError(
            "The picture {path} can't be opened: {reason}.", path=path, reason=os_reason(error)
        ) from None
    if len(data) > MAX_BYTES:
        raise RequestError(
            "The picture {path} has more than {most} MB; use a smaller one.",
            path=path,
            most=MAX_BYTES // 1000000,
        )
    return data


def read_picture(data: bytes) -> Image.Image:
    """An upright RGB picture from a file's bytes: its first frame, alpha over white.

    Raises RequestError if the bytes are not a picture or a broken one, or if it has more than 50
    megapixels, which are then not decoded.
    """
    return _read(data, _to_rgb)


def read_mask(data: bytes) -> Image.Image:
    """A grey picture that is white where the picture in ``data`` is transparent.

    If nothing is transparent, it is the picture itself in grey. Raises the same errors as
    :func:`read_picture`.
    """
    return _read(data, _to_mask)


def is_animated(data: bytes) -> bool:
    """Whether ``data``, a readable picture, is an animation."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            image = Image.open(io.BytesIO(data), formats=FORMATS)
            # An MPO is a photograph, stored with others of the same moment.
            return image.format != "MPO" and bool(getattr(image, "is_animated", False))
        except BROKEN:
            return False


def _read(data: bytes, convert: Callable[[Image.Image], Image.Image]) -> Image.Image:
    with warnings.catch_warnings():
        # About large pictures, for which we have our own limit, and about odd ones.
        warnings.simplefilter("ignore")
        try:
            image = Image.open(io.BytesIO(data), formats=FORMATS)
            if image.width * image.height > MAX_PIXELS:
                raise RequestError(
                    "The picture has {width}x{height} pixels; the maximum is {most} megapixels.",
                    width=image.width,
                    height=image.height,
                    most=MAX_PIXELS // 1000000,
                )
            image.load()
            return convert(_upright(image))
        except BROKEN:
            raise RequestError(
                "That file can't be read as a picture; use an intact PNG, JPEG, WebP or GIF."
            ) from None


def _upright(image: Image.Image) -> Image.Image:
    """Rotated as its EXIF says; unchanged if the EXIF is broken, as the pixels are intact."""
    try:
        return ImageOps.exif_transpose(image)
    except BROKEN:
        return image


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith(("I", "F")):
        # The transparent grey, if any, is in the old range.
        image.info.pop("transparency", None)
        image = _to_8_bits(image)
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return image.convert("RGB")


def _to_mask(image: Image.Image) -> Image.Image:
    if image.has_transparency_data and not image.mode.startswith(("I", "F")):
        alpha = image.convert("RGBA").getchannel("A")
        if alpha.histogram()[255] < alpha.width * alpha.height:
            return ImageChops.invert(alpha)
    return _to_rgb(image).convert("L")


def _to_8_bits(image: Image.Image) -> Image.Image:
    """16-bit and float greys to 8 bits; Pillow's own conversion clips at 255."""
    grey = image.convert("F")
    _, high = grey.getextrema()
    assert isinstance(high, float)
    if image.mode.startswith("I;16") or high > 255:
        scale = 255 / 65535
    else:
        scale = 255.0 if high <= 1 else 1.0
    # Plus one half, because the conversion rounds down.
    return grey.point(lambda value: value * scale + 0.5).convert("L")
