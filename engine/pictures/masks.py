"""Reads masks: which part of a picture can change. docs/editing.md explains the rule to people.

White or transparent areas can change. Where only one of the two can be meant, a remark says which.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageFilter

from engine.pictures.colours import over_white
from engine.pictures.reading import read
from engine.translatable import Translatable

_LOOKED_AT = 512  # pixels a side, of the copies that are looked at to decide
_STRAY = 0.0001  # a smaller share of the pixels means nothing
_HALF = 128  # of 255
_COLOURED, _MUCH_COLOUR = 40, 0.1  # of 255 between the channels; share of the opaque pixels
_DARK, _BRIGHT = 64, 191  # greys between are neither black nor white
_SAME, _MOSTLY = 24, 0.6  # of 255, for the noise of JPEG; share of the opaque pixels
_CONTRAST = 8  # the standard deviation, of 255, below which a picture shows nothing
_MARKED = 48  # of 255, between a marked copy and the picture
_SAME_ASPECT = 1.05  # the largest ratio of two aspects that count as the same


@dataclass(frozen=True)
class MaskReading:
    """A mask: ``white``, grey, is white where the picture can change.

    ``remark`` tells what was taken for the mask if that is not plain, else it is None.
    """

    white: Image.Image
    remark: Translatable | None = None


def read_mask(data: bytes, picture: Image.Image | None = None) -> MaskReading:
    """The mask in a file's bytes, for ``picture``, an RGB one. Raises RequestError as ``read``.

    In general it is the file as it looks on white paper, in grey: white or transparent parts can
    change, and soft edges stay soft. The exceptions, each with a remark:

    - Opaque parts that show a picture, in colours or the very one to edit, are what is left of it
      after something was erased. Only the transparent parts count.
    - If that would leave nothing unchanged, or one colour is all that there is, what was drawn or
      erased counts, not the ground: a white disc on a transparent layer, a hole in a white one.
    - A copy of the picture with something drawn on it, as phones make it, means the drawing.
    """
    image = read(data).image
    if image.mode == "RGBA":
        image = _at_full_opacity(image)
    look = _Look(image, picture)
    if look.has_holes:
        return _with_holes(image, look)
    image = over_white(image)
    if picture is not None and look.is_marked_copy:
        marks = _marks(image, picture)
        if marks.getbbox() is not None:
            return MaskReading(
                marks,
                Translatable(
                    "The mask is a copy of the picture; the parts that differ can change."
                ),
            )
    return MaskReading(
        image.convert("L"),
        Translatable("The mask isn't black and white; its bright parts can change.")
        if look.is_coloured
        else None,
    )


def _with_holes(image: Image.Image, look: _Look) -> MaskReading:
    """A mask, RGBA, with transparent parts."""
    alpha = image.getchannel("A")
    if not look.has_opaque:
        return MaskReading(
            ImageChops.invert(alpha),
            Translatable("The mask is transparent everywhere, so the whole picture can change."),
        )
    if look.keeps_nothing or look.is_one_colour:
        if look.ground_is_clear:
            grey = image.convert("RGB").convert("L")
            return MaskReading(
                alpha if look.is_one_colour else ImageChops.multiply(grey, alpha),
                Translatable(
                    "The mask is a drawing on a transparent background; the drawing can change. If "
                    "you mean the background, use a black and white mask."
                ),
            )
        return MaskReading(
            ImageChops.invert(alpha),
            Translatable(
                "The mask has a transparent hole; the hole can change. If you mean the rest, use "
                "a black and white mask."
            ),
        )
    if look.is_coloured or look.is_copy:
        return MaskReading(
            ImageChops.invert(alpha),
            Translatable(
                "The mask shows a picture with transparent parts; only those parts can change."
            ),
        )
    return MaskReading(
        over_white(image).convert("L"),
        Translatable("The mask has white and transparent parts; both can change.")
        if look.has_white
        else None,
    )


def _marks(image: Image.Image, picture: Image.Image) -> Image.Image:
    """White where ``image``, a copy of ``picture``, differs clearly from it."""
    different = _most(ImageChops.difference(image, picture.resize(image.size)))
    marked = different.point(lambda value: 255 if value > _MARKED else 0)
    return marked.filter(ImageFilter.MedianFilter(5))


def _most(image: Image.Image) -> Image.Image:
    red, green, blue = image.split()
    return ImageChops.lighter(ImageChops.lighter(red, green), blue)


def _at_full_opacity(image: Image.Image) -> Image.Image:
    """With the most opaque pixel opaque: the opacity of the layer is no part of a mask."""
    image = image.copy()
    image.putalpha(_stretched(image.getchannel("A")))
    return image


def _stretched(grey: Image.Image) -> Image.Image:
    """``grey`` scaled so that its brightest pixel is white; unchanged if it is black."""
    high = int(np.asarray(grey).max())
    return grey if high in (0, 255) else grey.point(lambda value: round(value * 255 / high))


def _small(image: Image.Image) -> Image.Image:
    """A copy of at most 512 pixels a side, of the same pixels: no mixed values arise."""
    longest = max(image.size)
    if longest <= _LOOKED_AT:
        return image
    size = tuple(max(1, round(side * _LOOKED_AT / longest)) for side in image.size)
    return image.resize((size[0], size[1]), Image.Resampling.NEAREST)


class _Look:
    """What there is to see in a mask, RGB or RGBA, and how it compares with the picture.

    It looks at a small copy. What fills a few pixels only does not count.
    """

    def __init__(self, image: Image.Image, picture: Image.Image | None) -> None:
        small = _small(image).convert("RGBA")
        pixels = np.asarray(small).astype(np.int16)
        colours, alpha = pixels[..., :3], pixels[..., 3]
        opaque = alpha >= _HALF
        grey = np.asarray(small.convert("RGB").convert("L"))
        paper = np.asarray(over_white(small).convert("L"))
        coloured = opaque & (colours.max(-1) - colours.min(-1) > _COLOURED)
        between = opaque & (grey >= _DARK) & (grey <= _BRIGHT)
        border = np.concatenate([alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]])
        count = max(1, int(opaque.sum()))
        self.has_opaque = _is_much(opaque)
        self.has_holes = _is_much(~opaque)
        self.has_white = _is_much(opaque & (grey > _BRIGHT))
        self.keeps_nothing = not _is_much(paper < _HALF)
        self.ground_is_clear = (border < _HALF).mean() > 0.5
        self.is_coloured = coloured.sum() >= _MUCH_COLOUR * count
        self.is_one_colour = self.is_coloured and colours[opaque].std(0).max() < _CONTRAST
        self.is_copy = False
        if picture is not None and have_same_shape(image, picture):
            other = np.asarray(_small(picture).resize(small.size, Image.Resampling.NEAREST))
            same = opaque & (np.abs(colours - other).max(-1) <= _SAME)
            self.is_copy = same.sum() >= _MOSTLY * count and grey[same].std() >= _CONTRAST
        # A plain mask can look like a drawing in black and white that it is for.
        self.is_marked_copy = self.is_copy and (
            _is_much(coloured) or between.sum() >= _MUCH_COLOUR * count
        )


def _is_much(of: NDArray[np.bool_]) -> bool:
    return bool(of.sum() >= max(1, min(8, of.size // 50), of.size * _STRAY))


def have_same_shape(one: Image.Image, other: Image.Image) -> bool:
    """Whether the aspects of two pictures differ by no more than rounding and cropping make."""
    ratio = one.width * other.height / (one.height * other.width)
    return 1 / _SAME_ASPECT < ratio < _SAME_ASPECT
