"""Reads pictures from outside."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageChops

from engine.errors import RequestError, os_reason
from engine.pictures.decoding import Several, decode, refusing_damage

MAX_BYTES = 100_000_000


@dataclass(frozen=True)
class Reading:
    """A picture that was read: an upright RGB ``image``, the file's transparency over white.

    ``several`` tells what else is in the file, if anything; it was not read.
    """

    image: Image.Image
    several: Several | None = None


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


def read(data: bytes) -> Reading:
    """The first picture in a file's bytes. Raises RequestError as :func:`decode` does."""
    decoded = decode(data)
    with refusing_damage(data):
        return Reading(_to_rgb(decoded.image), decoded.several)


def read_picture(data: bytes) -> Image.Image:
    """The image of :func:`read`."""
    return read(data).image


def read_mask(data: bytes) -> Image.Image:
    """A grey picture that is white where the picture in ``data`` is transparent.

    If nothing is transparent, it is the picture itself in grey. Raises the same errors as
    :func:`read`.
    """
    decoded = decode(data)
    with refusing_damage(data):
        return _to_mask(decoded.image)


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
