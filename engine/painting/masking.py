"""Where to paint: the person's mask, or CLIP's own (paper, section 2.5 and appendix H.2).

A mask is hard in the latent: the gradient of z is zero outside, token by token. It is exact in
the picture: further than one token outside the mask, the original's pixels come back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from kornia.contrib import connected_components_union_find
from torch import Tensor

from engine.errors import RequestError
from engine.models import Perceptor
from engine.painting.cutouts import cut, plain_cutouts
from engine.painting.guided_filter import guided_filter
from engine.request.recipe import SelfMasking

_AT_ONCE = 64
_NEXT_TO_NOTHING = 0.02
# More than values spread normally or evenly have (see otsu); a background and a thing: 0.95.
_FAR_APART = 0.8
_SIDES = 32  # of a hull
_SEAM = 8  # pixels, as wide as a token of the finer VQGANs


@dataclass(frozen=True)
class Mask:
    """What may change.

    ``hard`` [1, 1, H, W] is 1 where it may, else 0; ``pixels`` [1, 1, H, W] falls from 1 there
    to 0 within one token outside (see :func:`make_mask`); ``tokens`` [1, 1, h, w] is 1 where any
    of a token's pixels may, else 0.
    """

    hard: Tensor
    pixels: Tensor
    tokens: Tensor


def make_mask(white: Tensor, picture: Tensor, factor: int, *, local: bool = True) -> Mask:
    """The Mask of ``white`` [1, 1, H, W] in 0..1, whose part from 0.5 on may change.

    ``factor`` is a token's side in pixels; where the latent is not ``local`` it has one token, for
    the whole picture, and the slope is ``_SEAM`` pixels wide. It ends at the edges of ``picture``
    [1, 3, H, W]; but a thing may outgrow its outline by half a token, else nothing else could
    take its place. Where more than half may change, that is what lies around a thing, which
    keeps its outline. Raises RequestError where nothing may change.
    """
    hard = (white >= 0.5).to(white)
    if not hard.any():
        raise RequestError("The mask has no white and no transparent part, so nothing may change; "
                           "paint what may change white.")
    if not local:
        factor = _SEAM
    reach = up_to_edges(hard, picture, factor)
    if hard.mean() <= 0.5:
        reach = torch.maximum(reach, feather(hard, factor // 2))
    pixels = torch.minimum(feather(hard, factor), reach)
    tokens = F.max_pool2d(hard, factor) if local else torch.ones(1, 1, 1, 1).to(hard)
    return Mask(hard, pixels, tokens)


def feather(hard: Tensor, width: int) -> Tensor:
    """``hard`` [1, 1, H, W] of zeros and ones, with a slope outwards ``width`` pixels wide.

    Widened by half of it and blurred by a box as wide: 1 stays 1, and what is further away than
    ``width`` stays 0, both exactly.
    """
    half = width // 2
    wider = F.max_pool2d(hard, 2 * half + 1, stride=1, padding=half)
    return F.avg_pool2d(wider, 2 * half + 1, stride=1, padding=half, count_include_pad=False)


def up_to_edges(hard: Tensor, picture: Tensor, width: int) -> Tensor:
    """``hard`` [1, 1, H, W] of zeros and ones, widened as far as ``picture`` looks the same.

    The guided filter is a half at a border with no edge beside it, and next to nothing across an
    edge, which is then where it ends.
    """
    alike = guided_filter(picture, hard.to(picture), width).to(hard)
    return torch.maximum(hard, (2.5 * alike - 0.25).clamp(0, 1))


def composite(picture: Tensor, original: Tensor, pixels: Tensor) -> Tensor:
    """``picture`` where ``pixels`` is 1, ``original``, bit for bit, where it is 0.

    Pictures are [1, 3, H, W], ``pixels`` [1, 1, H, W] in 0..1 mixes them.
    """
    return original.lerp(picture.to(original), pixels)


def self_mask(picture: Tensor, source_phrase: str, perceptor: Perceptor,
              masking: SelfMasking) -> Tensor:
    """CLIP's own mask [1, 1, H, W] of zeros and ones for ``picture`` [1, 3, H, W] in 0..1.

    Appendix H.2, step by step; where ``masking`` asks for it, the grey scale image is refined
    before it is thresholded, and what is found is given room, which is ours. Raises RequestError
    where nothing passes the threshold.
    """
    mask = normalise(score(picture, source_phrase, perceptor, masking))
    radius = round(masking.refine * min(picture.shape[-2:]))
    if radius:
        mask = normalise(guided_filter(picture.to(mask), mask, radius))
    hard = above(mask, masking.threshold, masking.usual)
    if not hard.any():
        raise RequestError("\"{words}\" was found nowhere in the picture with that threshold; "
                           "lower it, or name the thing in other words.", words=source_phrase[:60])
    if masking.room is None:
        return hard
    return with_room(hard, masking.room * min(picture.shape[-2:]))


def with_room(hard: Tensor, room: float) -> Tensor:
    """``hard`` [1, 1, H, W] of zeros and ones, each part's convex hull, ``room`` pixels wider.

    So a star fits where a ring was. What may change in more than half of the picture is what lies
    around a thing, and stays as it is: its hull would be the thing, too.
    """
    if hard.mean() > 0.5:
        return hard
    parts = connected_components_union_find(hard)
    height, width = hard.shape[-2:]
    down, right = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    places = torch.stack([down, right], -1).view(-1, 2).to(hard)
    turns = torch.arange(_SIDES) * (2 * math.pi / _SIDES)
    along = places @ torch.stack([turns.sin(), turns.cos()]).to(hard)
    wider = torch.zeros_like(hard)
    for part in parts.unique().tolist()[1:]:
        furthest = along[(parts == part).flatten()].amax(dim=0)
        wider = torch.maximum(wider, (along <= furthest + room).all(dim=1).view_as(hard).to(hard))
    return wider


@torch.no_grad()
def score(picture: Tensor, source_phrase: str, perceptor: Perceptor,
          masking: SelfMasking) -> Tensor:
    """L(i) = f(i) . g(s_p) of every sub-image i, recorded at its centre: [1, 1, H, W].

    With neutral phrases, less the mean of theirs (SelfMasking), which is ours.

    Sub-images over the rim see the picture mirrored there. Where sub-images of several sizes
    share a centre their mean is recorded; between centres it is interpolated.
    """
    height, width = picture.shape[-2:]
    rows, columns = _grid(width, height, masking.across)
    phrase = perceptor.encode_text([source_phrase])[0]
    if masking.neutral:
        phrase = phrase - perceptor.encode_text(list(masking.neutral)).mean(0)
    recorded = torch.zeros(rows * columns, device=phrase.device)
    for size in masking.sizes:
        box = _boxes(width, height, rows, columns, size)
        scores = [perceptor.encode_image(sub_images(picture, some, perceptor.resolution)) @ phrase
                  for some in box.split(_AT_ONCE)]
        recorded += torch.cat(scores) / len(masking.sizes)
    return F.interpolate(recorded.view(1, 1, rows, columns), (height, width), mode="bilinear",
                         align_corners=False)


def _grid(width: int, height: int, across: int) -> tuple[int, int]:
    """Rows and columns of centres, about as far apart down as across."""
    step = min(width, height) / across
    # A ribbon of a picture must not cost hours.
    return min(4 * across, math.ceil(height / step)), min(4 * across, math.ceil(width / step))


def _boxes(width: int, height: int, rows: int, columns: int, size: float) -> Tensor:
    """[rows * columns, 4]: left, top, width, height in fractions of the picture."""
    side = size * min(width, height)
    x = (torch.arange(columns) + 0.5) / columns
    y = (torch.arange(rows) + 0.5) / rows
    down, right = torch.meshgrid(y, x, indexing="ij")
    across, high = torch.full_like(right, side / width), torch.full_like(right, side / height)
    return torch.stack([right - across / 2, down - high / 2, across, high], dim=-1).view(-1, 4)


def sub_images(picture: Tensor, box: Tensor, resolution: int) -> Tensor:
    """The squares ``box`` [N, 4] of ``picture`` as the perceptor takes them, [N, 3, S, S]."""
    return cut(picture, plain_cutouts(box), resolution)


def normalise(grey: Tensor) -> Tensor:
    """The grey scale image from 0 to 1; all 1 where every value is the same."""
    low, high = grey.aminmax()
    return torch.ones_like(grey) if low == high else (grey - low) / (high - low)


def above(mask: Tensor, threshold: float | None,
          usual: float = SelfMasking.usual) -> Tensor:
    """1 where the mask is at least its mean plus ``threshold`` standard deviations, else 0.

    Without a threshold it is ``usual`` of them, but Otsu's where what is named fills most of the
    picture and so makes the mean: where Otsu's leaves more than half and the two classes are far
    apart, or the usual one next to nothing. Of a background with a thing on it the usual one left
    out a third (``bench.edit``'s sources).
    """
    bound = mask.mean() + (usual if threshold is None else threshold) * mask.std(correction=0)
    hard = (mask >= bound).to(mask)
    if threshold is not None:
        return hard
    parted, apart = otsu(mask)
    fills = (mask >= parted).to(mask)
    if hard.mean() < _NEXT_TO_NOTHING or (apart >= _FAR_APART and fills.mean() > 0.5):
        return fills
    return hard


def otsu(mask: Tensor, bins: int = 256) -> tuple[float, float]:
    """The value that parts a mask in 0..1 in two classes with most variance between them.

    And how far apart they are: the share of the whole variance that is between them, 0 to 1
    (Otsu 1979, equations 18 and 12); 0.64 where the values are spread normally, 0.75 evenly.
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
