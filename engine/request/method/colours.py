"""Colours as people write them: names of CSS, and hexadecimal numbers."""

from __future__ import annotations

import re

from engine.errors import RequestError

Colour = tuple[float, float, float]
"""Red, green and blue in 0..1."""
_PLAIN = re.compile(r"#(?:[0-9a-f]{3}){1,2}|[a-z]+", re.IGNORECASE)


def parse_colour(text: str) -> Colour:
    """The colour "navy", "#008" or "#000080"; raises RequestError for anything else."""
    from PIL import ImageColor  # only where somebody asks for a colour

    try:
        if _PLAIN.fullmatch(text) is None:
            raise ValueError(text)
        red, green, blue = ImageColor.getrgb(text)[:3]
    except ValueError:
        raise RequestError(
            '"{given}" is not a colour; write a name like navy, or a number like #000080.',
            given=text[:40],
        ) from None
    return red / 255, green / 255, blue / 255


def parse_colours(text: str) -> tuple[Colour, ...]:
    """Colours with commas or spaces between them, each once; raises RequestError."""
    names = [name for name in re.split(r"[\s,/]+", text) if name]
    return tuple(dict.fromkeys(parse_colour(name) for name in names))
