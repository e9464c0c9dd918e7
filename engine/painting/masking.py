"""Where to paint (paper, section 2.5), whether the mask is a person's or CLIP's own.

In the latent the mask is hard: outside it the gradient of each token of z is zero. In the picture
it is exact: more than one token outside the mask, the original's pixels are restored.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from PIL import Image, ImageChops, ImageFilter
from torch import Tensor

from engine.errors import RequestError
from engine.painting.guided_filter import guided_filter
from engine.painting.images import to_pil, to_tensor

_THINNEST = 1.0  # radius of a slope in pixels
_SEAM = 8  # pixels; a token of the finer VQGANs


@dataclass(frozen=True)
class Mask:
    """The part of a picture that can change.

    ``hard`` [1, 1, H, W] is 1 there, else 0; ``pixels`` [1, 1, H, W] falls from 1 there to 0
    within one token outside (see :func:`make_mask`); ``tokens`` [1, 1, h, w] is 1 for each token
    of which any pixel can change, else 0.
    """

    hard: Tensor
    pixels: Tensor
    tokens: Tensor


def make_mask(
    white: Tensor, picture: Tensor, factor: int, *, local: bool = True, exact: bool = False
) -> Mask:
    """The Mask of ``white`` [1, 1, H, W] in 0..1, where values from 0.5 can change.

    ``factor`` is the side of a token in pixels; a latent that is not ``local`` has one token for
    the whole picture, and a slope of ``_SEAM`` pixels. The slope ends at the edges of ``picture``
    [1, 3, H, W], but an object can grow beyond its outline by half a token, so that something of
    another shape can replace it. A mask of more than half the picture is taken for the background
    of an object, which then keeps its outline. If ``exact``, as for a person's own mask, the slope
    is inside the mask and nothing else changes. Raises RequestError if nothing can change.
    """
    hard = (white >= 0.5).to(white)
    if not hard.any():
        raise RequestError(
            "The mask has no white or transparent area, so nothing can change; "
            "paint the area that can change white."
        )
    if not local:
        factor = _SEAM
    if exact:
        pixels = _slope_inside(hard, factor / 4)
    else:
        reach = up_to_edges(hard, picture, factor)
        if hard.mean() <= 0.5:
            reach = torch.maximum(reach, feather(hard, factor // 2))
        pixels = torch.minimum(feather(hard, factor), reach)
    tokens = F.max_pool2d(hard, factor) if local else torch.ones(1, 1, 1, 1).to(hard)
    return Mask(hard, pixels, tokens)


def _slope_inside(hard: Tensor, radius: float) -> Tensor:
    height, width = hard.shape[-2:]
    return to_tensor(inner_slope(to_pil(hard[0]), radius), width, height).to(hard)


def inner_slope(hard: Image.Image, radius: float) -> Image.Image:
    """A slope inside the white of ``hard``, a picture of black and white: black stays black.

    It rises from 0 at the border of the white to 255 about ``radius`` pixels inside. Parts that are
    too thin for a slope stay white.
    """
    rim = ImageChops.subtract(hard, hard.filter(ImageFilter.MinFilter(3)))
    border = rim.histogram()[255]
    if not border:
        return hard
    thickness = 2 * hard.histogram()[255] / border
    radius = min(radius, thickness / 4)
    if radius < _THINNEST:
        return hard
    blurred = hard.filter(ImageFilter.BoxBlur(radius))
    slope = ImageChops.darker(hard, blurred.point(lambda value: max(0, 2 * value - 255)))
    near = slope.point(_any).filter(ImageFilter.BoxBlur(2 * radius + 1)).point(_any)
    return ImageChops.lighter(slope, ImageChops.subtract(hard, near))


def _any(value: int) -> int:
    return 255 if value else 0


def feather(hard: Tensor, width: int) -> Tensor:
    """``hard`` [1, 1, H, W], zeros and ones, with an outward slope of ``width`` pixels.

    It is dilated by half of ``width`` and blurred with a box of that size: ones stay exactly 1,
    and pixels more than ``width`` away stay exactly 0.
    """
    half = width // 2
    wider = F.max_pool2d(hard, 2 * half + 1, stride=1, padding=half)
    return F.avg_pool2d(wider, 2 * half + 1, stride=1, padding=half, count_include_pad=False)


def up_to_edges(hard: Tensor, picture: Tensor, width: int) -> Tensor:
    """``hard`` [1, 1, H, W], zeros and ones, widened as far as ``picture`` looks the same.

    At the mask's border the guided filter is about 0.5, and beyond the next edge of the picture
    it is near 0; the slope in between ends there.
    """
    alike = guided_filter(picture, hard.to(picture), width).to(hard)
    return torch.maximum(hard, (2.5 * alike - 0.25).clamp(0, 1))


def composite(picture: Tensor, original: Tensor, pixels: Tensor) -> Tensor:
    """``picture`` where ``pixels`` is 1, exactly ``original`` where it is 0, a mixture between.

    Pictures are [1, 3, H, W], ``pixels`` [1, 1, H, W] in 0..1.
    """
    return original.lerp(picture.to(original), pixels)
