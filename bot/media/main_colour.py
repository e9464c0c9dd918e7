"""The colour that a picture is remembered by, for the edge of its message.

This is slow: call it in a thread.
"""

from __future__ import annotations

import io

from PIL import Image

from engine.pictures.colours import over_white
from engine.pictures.decoding import BROKEN

_SIDE, _COLOURS = 64, 8
# What a grey area counts for, compared with a fully saturated one of the same size.
_GREY = 0.1


def main_colour(data: bytes | None, otherwise: int) -> int:
    """Return the main colour of a picture file, as 0xRRGGBB; ``otherwise`` if it cannot be read.

    Of eight colours it is the one with the largest area, where colourful areas count for more than
    grey ones: of a red fox in the snow it is the fox's red. It is never 0, which means none to
    Discord.
    """
    try:
        with Image.open(io.BytesIO(data or b"")) as opened:
            transparent = opened.has_transparency_data
            image = over_white(opened.convert("RGBA" if transparent else "RGB"))
    except BROKEN:
        return otherwise
    image.thumbnail((_SIDE, _SIDE), Image.Resampling.BOX)
    few = image.quantize(_COLOURS, Image.Quantize.MEDIANCUT)
    palette = few.getpalette() or []
    best, most = 1, -1.0
    for number, index in few.getcolors() or []:
        assert isinstance(index, int)  # the image has a palette
        colour = palette[3 * index : 3 * index + 3]
        worth = number * (_GREY + (max(colour) - min(colour)) / 255)
        if worth > most:
            best, most = colour[0] << 16 | colour[1] << 8 | colour[2], worth
    return max(1, best)
