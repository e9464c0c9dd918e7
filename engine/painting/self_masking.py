"""CLIP's own mask of what a phrase names (paper, appendix H.2), with each step of its making."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.errors import RequestError
from engine.models import Perceptor
from engine.painting.cutouts import cut, plain_cutouts
from engine.painting.guided_filter import guided_filter
from engine.request.recipe import SelfMasking

_BATCH = 64  # sub-images
_TOO_SMALL = 0.02  # share of the picture
_HULL_SIDES = 32


class SelfMask(NamedTuple):
    """The steps to a mask, each [1, 1, H, W] in 0..1.

    ``scores`` is the normalised grey scale image, ``refined`` the same moved to the picture's
    edges, ``found`` 1 where that passes the threshold, else 0, and ``mask`` what can change:
    ``found``, widened if the recipe says so.
    """

    scores: Tensor
    refined: Tensor
    found: Tensor
    mask: Tensor


def self_mask(
    picture: Tensor, source_phrase: str, perceptor: Perceptor, masking: SelfMasking
) -> SelfMask:
    """CLIP's own mask for ``picture`` [1, 3, H, W] in 0..1.

    Appendix H.2, step by step. Ours, if ``masking`` asks for them: refining the grey scale image
    before the threshold, and widening the mask afterwards. Raises RequestError if nothing passes
    the threshold.
    """
    scores = refined = normalise(score(picture, source_phrase, perceptor, masking))
    side = min(picture.shape[-2:])
    radius = round(masking.refine * side)
    if radius:
        refined = normalise(guided_filter(picture.to(scores), scores, radius))
    found = apply_threshold(refined, masking.threshold, masking.usual, masking.fills, masking.apart)
    if not found.any():
        raise RequestError(
            '"{words}" wasn\'t found in the picture with that threshold; use a '
            "lower one, or other words.",
            words=source_phrase[:60],
        )
    mask = found if masking.room is None else widen_hulls(found, masking.room * side)
    return SelfMask(scores, refined, found, mask)


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
    """How well each place of ``picture`` matches the phrase: [1, 1, H, W], higher is better.

    By sub-images, as in the paper; or in one pass for each of ``masking.places``, where the
    perceptor sees places by itself.
    """
    height, width = picture.shape[-2:]
    maps = []
    for side in masking.places:
        scale = side / min(height, width)
        size = max(1, round(height * scale)), max(1, round(width * scale))
        shown = F.interpolate(picture, size, mode="bicubic", antialias=True).clamp(0, 1)
        seen = perceptor.score_places(shown, source_phrase)
        if seen is None:
            break
        maps.append(
            normalise(F.interpolate(seen, (height, width), mode="bilinear", align_corners=False))
        )
    if maps:
        return torch.stack(maps).mean(0)
    return _score_of_sub_images(picture, source_phrase, perceptor, masking)


def _score_of_sub_images(
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
    mask: Tensor,
    threshold: float | None,
    usual: float = SelfMasking.usual,
    fills: float = SelfMasking.fills,
    apart: float = SelfMasking.apart,
) -> Tensor:
    """1 where ``mask`` is at least its mean plus ``threshold`` standard deviations, else 0.

    The default is ``usual`` standard deviations. But if what is searched for fills much of the
    picture, it dominates the mean, and Otsu's threshold is used: if that selects more than the
    share ``fills`` in two classes with a separation of ``apart``, or if the usual one selects
    nearly nothing. Of a background behind an object the usual one missed a third (``bench.edit``'s
    sources), of clothes and fruit on photographs two thirds (``bench.masks --kind outlines``).
    """
    bound = mask.mean() + (usual if threshold is None else threshold) * mask.std(correction=0)
    hard = (mask >= bound).to(mask)
    if threshold is not None:
        return hard
    parted, separation = otsu(mask)
    large = (mask >= parted).to(mask)
    if hard.mean() < _TOO_SMALL or (separation >= apart and large.mean() > fills):
        return large
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
