"""The main colours of a picture."""

from __future__ import annotations

import contextlib
from pathlib import Path

from PIL import Image

from engine.pictures.colours import over_white
from engine.pictures.reading import read, read_file

_COUNT = 8
_SIDE = 256  # pixels; more change no main colour


def palette_of(image: Image.Image, count: int = _COUNT) -> list[str]:
    """At most ``count`` main colours of an RGB picture, as "#rrggbb", the most frequent first."""
    small = image.copy()
    small.thumbnail((_SIDE, _SIDE))
    quantised = small.quantize(count, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    table = quantised.getpalette() or []
    found = sorted(quantised.getcolors() or [], reverse=True)
    colours = [table[3 * index : 3 * index + 3] for _, index in found if isinstance(index, int)]
    return list(dict.fromkeys("#" + bytes(colour).hex() for colour in colours))


def palette_in(data: bytes) -> str:
    """The main colours of a picture file's bytes as the value of an option --palette.

    Raises RequestError for a file that is not a picture.
    """
    return ",".join(palette_of(over_white(read(data).image)))


def palette_from(value: str) -> str:
    """The value of an option --palette, with a picture's file replaced by its main colours.

    A weight after a colon stays. Raises RequestError for a file that is not a picture.
    """
    name, colon, weight = value, "", ""
    if not _is_file(value):
        name, colon, weight = value.rpartition(":")
    if not _is_file(name):
        return value
    return f"{palette_in(read_file(Path(name)))}{colon}{weight}"


def _is_file(name: str) -> bool:
    with contextlib.suppress(OSError, ValueError):  # a list of colours can be too long for a name
        return Path(name).is_file()
    return False
