"""Which part of the picture to start from is painted, and at what size."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from PIL import Image, ImageChops, ImageOps

from engine.errors import RequestError
from engine.painting.composing import Frame
from engine.painting.images import to_pil
from engine.painting.init_image import Source
from engine.painting.self_masking import self_mask
from engine.pictures.sizes import MOST_EDITED, Box, at_most, middle
from engine.request.recipe import Recipe
from engine.request.request import ImageRequest
from engine.translatable import Translatable

if TYPE_CHECKING:
    from engine.models import Perceptor

_Steps = tuple[tuple[str, Image.Image], ...]

LONGEST = 8.0
"""The largest aspect that is painted, and 1 / this the smallest; longer parts are padded."""

_CONTEXT = 0.5  # around a mask on each side, as a share of its side
_LONGEST_PART = 3.0  # the largest aspect of a part that is painted around a mask
_NEARLY_WHOLE = 0.75  # share of the picture from which it is painted as a whole
_ENLARGED = 2.0  # how many times a painting has to be enlarged for a remark


def frame_of(
    source: Source,
    request: ImageRequest,
    recipe_for: Callable[[float], Recipe],
    perceptor: Perceptor,
) -> tuple[Frame, Recipe]:
    """What to paint of ``source``, and the recipe for it.

    ``recipe_for`` gives the recipe for a picture of an aspect from 1/8 to 8. The edit has the
    picture's own size, at most MOST_EDITED pixels, or the width or height that the request sets. It
    is only cropped to an aspect, or to a width and height together, in the request. If there are a
    mask and ``where``, only their intersection can change. Raises RequestError if nothing matches
    ``where``.
    """
    image, white, remarks = source.image, source.white, list[str]()
    if white is not None:
        white = white.resize(image.size)
    one_side = request.aspect is None and not (request.width and request.height)
    if (request.width or request.height) and not one_side:
        recipe = recipe_for(_aspect(image.size))
        image = ImageOps.fit(image, (recipe.width, recipe.height), Image.Resampling.LANCZOS)
        if white is not None:
            white = ImageOps.fit(white, image.size, Image.Resampling.LANCZOS)
    else:
        if request.width or request.height:
            size = _with_side(image.size, request.width, request.height)
            image = image.resize(size, Image.Resampling.LANCZOS)
            white = None if white is None else white.resize(size)
        elif request.aspect is not None:
            box = middle(image.size, request.aspect)
            image, white = image.crop(box), None if white is None else white.crop(box)
        if image.width * image.height > MOST_EDITED:
            size = at_most(image.size, MOST_EDITED)
            remarks.append(_shrunk(image.size, size))
            image = image.resize(size, Image.Resampling.LANCZOS)
            white = None if white is None else white.resize(size)
        recipe = recipe_for(_aspect(image.size))
    exact = white is not None
    if white is not None:
        white = _hardened(white)
    frame = _frame(image, (0, 0, *image.size), recipe)
    phrase = request.source_phrase()
    steps: _Steps = ()
    if phrase is not None:
        found, steps = _found(frame, phrase, recipe, perceptor)
        white = found if white is None else ImageChops.darker(white, found)
        if white.getbbox() is None:
            raise RequestError(
                'The mask and "{words}" don\'t overlap; use only one of them.', words=phrase[:60]
            )
    if white is not None:
        box = part_to_paint(white.getbbox(), image.size, recipe.width * recipe.height)
        if box != frame.box:
            recipe = recipe_for(_aspect((box[2] - box[0], box[3] - box[1])))
            frame = _frame(image, box, recipe)
    remarks += _enlarged(frame)
    frame = replace(frame, white=white, exact=exact, found=steps, remarks=tuple(remarks))
    return frame, recipe


def part_to_paint(white: Box | None, size: tuple[int, int], area: float) -> Box:
    """The part of a picture of ``size`` that is painted for a mask with the bounds ``white``.

    It is the mask with context around it, at least ``area`` pixels large, so that the painting is
    never finer than the picture; or the whole picture, if it is not much larger than that.
    """
    width, height = size
    if white is None:
        return 0, 0, width, height
    left, top, right, bottom = white
    margin = 2 * _CONTEXT * ((right - left) * (bottom - top)) ** 0.5
    across, down = right - left + margin, bottom - top + margin
    across, down = max(across, down / _LONGEST_PART), max(down, across / _LONGEST_PART)
    growth = max(1.0, (area / (across * down)) ** 0.5)
    wide, high = min(width, round(across * growth)), min(height, round(down * growth))
    # The picture's border may have cut off one of them.
    wide = min(width, max(wide, math.ceil(area / high)))
    high = min(height, max(high, math.ceil(area / wide)))
    if wide * high >= _NEARLY_WHOLE * width * height:
        return 0, 0, width, height
    x = min(max(0, (left + right - wide) // 2), width - wide)
    y = min(max(0, (top + bottom - high) // 2), height - high)
    return x, y, x + wide, y + high


def _frame(image: Image.Image, box: Box, recipe: Recipe) -> Frame:
    """The frame of the part ``box``, padded if it is longer than LONGEST."""
    aspect, size = (box[2] - box[0]) / (box[3] - box[1]), (recipe.width, recipe.height)
    across = down = 0
    if aspect > LONGEST:
        down = (size[1] - max(1, round(size[0] / aspect))) // 2
    elif aspect < 1 / LONGEST:
        across = (size[0] - max(1, round(size[1] * aspect))) // 2
    # A size that the request sets has its own aspect.
    return Frame(image, box, size, (max(0, across), max(0, down)))


def _found(
    whole: Frame, phrase: str, recipe: Recipe, perceptor: Perceptor
) -> tuple[Image.Image, _Steps]:
    """White where ``phrase`` is found in the picture, black elsewhere, and the steps to it."""
    made = self_mask(whole.start().to(perceptor.mean), phrase, perceptor, recipe.masking)
    steps = [("scores", made.scores)]
    if made.refined is not made.scores:
        steps.append(("refined", made.refined))
    if made.mask is not made.found:
        steps.append(("found", made.found))
    pictures = tuple((name, to_pil(whole.bare(step[0]))) for name, step in steps)
    return _hardened(to_pil(whole.bare(made.mask[0])).resize(whole.picture.size)), pictures


def _aspect(size: tuple[int, int]) -> float:
    return min(LONGEST, max(1 / LONGEST, size[0] / size[1]))


def _hardened(grey: Image.Image) -> Image.Image:
    return grey.point(lambda value: 255 if value > 127 else 0)


def _with_side(size: tuple[int, int], width: int | None, height: int | None) -> tuple[int, int]:
    """``size`` in the same shape with this width, or else this height."""
    if width is not None:
        return width, max(1, round(width * size[1] / size[0]))
    assert height is not None
    return max(1, round(height * size[0] / size[1])), height


def _shrunk(before: tuple[int, int], after: tuple[int, int]) -> Translatable:
    return Translatable(
        "The picture to start from has {width}x{height} pixels; the edit has {across}x{down}, "
        "as {most} megapixels are the maximum.",
        width=before[0],
        height=before[1],
        across=after[0],
        down=after[1],
        most=MOST_EDITED // 1_000_000,
    )


def _enlarged(frame: Frame) -> list[str]:
    (across, down), (width, height) = frame.extent, frame.visible
    if max(across / width, down / height) < _ENLARGED:
        return []
    return [
        Translatable(
            "The edited area was painted at {width}x{height} pixels and enlarged to "
            "{across}x{down}.",
            width=width,
            height=height,
            across=across,
            down=down,
        )
    ]
