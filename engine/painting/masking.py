"""Where to paint: the person's mask, or CLIP's own (paper, section 2.5 and appendix H.2).

In the latent the mask is hard: outside it the gradient of each token of z is zero. In the picture
it is exact: more than one token outside the mask, the original's pixels are restored.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from PIL import Image, ImageChops, ImageFilter
from torch import Tensor

from engine.errors import RequestError
from engine.models import Perceptor
from engine.painting.cutouts import cut, plain_cutouts
from engine.painting.guided_filter import guided_filter
from engine.painting.images import to_pil, to_tensor
from engine.request.recipe import SelfMasking

_BATCH = 64  # sub-images
_TOO_SMALL = 0.02  # share of the picture
# Above what normal (0.64) and uniform (0.75) values have (see otsu); an object before a background
# has about 0.95.
_SEPARATED = 0.8
_HULL_SIDES = 32
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


def self_mask(
    picture: Tensor, source_phrase: str, perceptor: Perceptor, masking: SelfMasking
) -> Tensor:
    """CLIP's own mask [1, 1, H, W] of zeros and ones for ``picture`` [1, 3, H, W] in 0..1.

    Appendix H.2, step by step. Ours, if ``masking`` asks for them: refining the grey scale image
    before the threshold, and widening the mask afterwards. Raises RequestError if nothing passes
    the threshold.
    """
    mask = normalise(score(picture, source_phrase, perceptor, masking))
    radius = round(masking.refine * min(picture.shape[-2:]))
    if radius:
        mask = normalise(guided_filter(picture.to(mask), mask, radius))
    hard = apply_threshold(mask, masking.threshold, masking.usual)
    if not hard.any():
        raise RequestError(
            '"{words}" wasn\'t found in the picture with that threshold; use a '
            "lower one, or other words.",
            words=source_phrase[:60],
        )
    if masking.room is None:
        return hard
    return widen_hulls(hard, masking.room * min(picture.shape[-2:]))


def widen_hulls(hard: Tensor, room: float) -> Tensor:
    """The convex hull of each part of ``hard`` [1, 1, H, W], zeros and ones, ``room`` px wider.

    So a star fits where a ring was. A mask of more than half the picture is returned unchanged: it
    is the background of an object, which its hull would include.
    """
    if hard.mean() > 0.5:
        return hard
    # Here, since importing kornia takes as long as everything else but PyTorch.
    from kornia.contrib import connected_components_union_find

    parts = connected_components_union_find(hard)
    height, width = hard.shape[-2:]
    down, right = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    places = torch.stack([down, right], -1).view(-1, 2).to(hard)
    turns = torch.arange(_HULL_SIDES) * (2 * math.pi / _HULL_SIDES)
    along = places @ torch.stack([turns.sin(), turns.cos()]).to(hard)
    wider = torch.zeros_like(hard)
    for part in parts.unique().tolist()[1:]:
        furthest = along[(parts == part).flatten()].amax(dim=0)
        wider = torch.maximum(wider, (along <= furthest + room).all(dim=1).view_as(hard).to(hard))
    return wider


@torch.no_grad()
def score(
    picture: Tensor, source_phrase: str, perceptor: Perceptor, masking: SelfMasking
) -> Tensor:
    """L(i) = f(i) . g(s_p) of every sub-image i, recorded at its centre: [1, 1, H, W].

    The mean score of the neutral phrases is subtracted, if there are any (SelfMasking); that is
    ours. Sub-images beyond the border see the picture mirrored. Sub-images of several sizes with
    the same centre are averaged; between centres the scores are interpolated.
    """
    height, width = picture.shape[-2:]
    rows, columns = _grid(width, height, masking.across)
    phrase = perceptor.encode_text([source_phrase])[0]
    if masking.neutral:
        phrase = phrase - perceptor.encode_text(list(masking.neutral)).mean(0)
    recorded = torch.zeros(rows * columns, device=phrase.device)
    for size in masking.sizes:
        box = _boxes(width, height, rows, columns, size)
        scores = [
            perceptor.encode_image(sub_images(picture, some, perceptor.resolution)) @ phrase
            for some in box.split(_BATCH)
        ]
        recorded += torch.cat(scores) / len(masking.sizes)
    return F.interpolate(
        recorded.view(1, 1, rows, columns), (height, width), mode="bilinear", align_corners=False
    )


def _grid(width: int, height: int, across: int) -> tuple[int, int]:
    """The numbers of rows and columns of centres, about equally far apart in both directions."""
    step = min(width, height) / across
    # Limited, or a very long picture would take hours.
    return min(4 * across, math.ceil(height / step)), min(4 * across, math.ceil(width / step))


def _boxes(width: int, height: int, rows: int, columns: int, size: float) -> Tensor:
    """[rows * columns, 4] boxes: left, top, width, height in fractions of the picture."""
    side = size * min(width, height)
    x = (torch.arange(columns) + 0.5) / columns
    y = (torch.arange(rows) + 0.5) / rows
    down, right = torch.meshgrid(y, x, indexing="ij")
    across, high = torch.full_like(right, side / width), torch.full_like(right, side / height)
    return torch.stack([right - across / 2, down - high / 2, across, high], dim=-1).view(-1, 4)


def sub_images(picture: Tensor, box: Tensor, resolution: int) -> Tensor:
    """The crops ``box`` [N, 4] of ``picture`` as perceptor inputs [N, 3, S, S]."""
    return cut(picture, plain_cutouts(box), resolution)


def normalise(grey: Tensor) -> Tensor:
    """``grey`` scaled to 0..1; all ones if every value is the same."""
    low, high = grey.aminmax()
    return torch.ones_like(grey) if low == high else (grey - low) / (high - low)


def apply_threshold(
    mask: Tensor, threshold: float | None, usual: float = SelfMasking.usual
) -> Tensor:
    """1 where ``mask`` is at least its mean plus ``threshold`` standard deviations, else 0.

    The default is ``usual`` standard deviations. But if what is searched for fills most of the
    picture, it dominates the mean, and Otsu's threshold is used: if that selects more than half in
    two well separated classes, or if the usual one selects nearly nothing. Of a background behind
    an object the usual one missed a third (``bench.edit``'s sources).
    """
    bound = mask.mean() + (usual if threshold is None else threshold) * mask.std(correction=0)
    hard = (mask >= bound).to(mask)
    if threshold is not None:
        return hard
    parted, apart = otsu(mask)
    fills = (mask >= parted).to(mask)
    if hard.mean() < _TOO_SMALL or (apart >= _SEPARATED and fills.mean() > 0.5):
        return fills
    return hard


def otsu(mask: Tensor, bins: int = 256) -> tuple[float, float]:
    """The threshold that separates a mask in 0..1 into two classes with most variance between.

    Also returns their separation: the share of the total variance that is between the classes, 0
    to 1 (Otsu 1979, equations 18 and 12); 0.64 for normal and 0.75 for uniform values.
    """
    counts = torch.histc(mask.float().cpu(), bins, 0, 1).double()
    middles = (torch.arange(bins).double() + 0.5) / bins
    below = counts.cumsum(0)[:-1]
    sums = (counts * middles).cumsum(0)
    over = counts.sum() - below
    apart = sums[:-1] / below.clamp(min=1) - (sums[-1] - sums[:-1]) / over.clamp(min=1)
    between = below * over * apart**2 / counts.sum() ** 2
    mean = sums[-1] / counts.sum()
    whole = (counts * (middles - mean) ** 2).sum() / counts.sum()
    best = int(between.argmax())
    return (best + 1) / bins, float(between[best] / whole) if whole > 0 else 0.0
