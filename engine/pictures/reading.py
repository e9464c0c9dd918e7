"""Reads pictures from outside."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from engine.errors import RequestError, os_reason
from engine.pictures.colours import over_white, to_srgb
from engine.pictures.decoding import Several, decode, refusing_damage

MAX_BYTES = 100_000_000


@dataclass(frozen=True)
class Reading:
    """A picture that was read: an upright ``image`` in sRGB, as RGB or RGBA.

    ``several`` tells what else is in the file, if anything; it was not read. ``colours_ignored``
    says that the file's colour profile could not be used.
    """

    image: Image.Image
    several: Several | None
    colours_ignored: bool

    @property
    def has_holes(self) -> bool:
        """Whether a part of it is more transparent than opaque."""
        return self.image.mode == "RGBA" and any(self.image.getchannel("A").histogram()[:128])


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
        image, understood = to_srgb(decoded, data)
    return Reading(image, decoded.several, not understood)


def read_picture(data: bytes) -> Image.Image:
    """The picture in a file's bytes as RGB, on white; raises RequestError as :func:`read`."""
    return over_white(read(data).image)
