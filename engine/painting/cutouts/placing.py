"""Cutouts of parts of a picture, for prompts that pull in a region only.

Each region gets cutouts of its own, as if its bounding box was the picture. Counting ordinary
cutouts by how much of them lies in a region hardly tells regions apart when cutouts are few and
large: with the included models each shows at least a quarter of the picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from engine.painting.cutouts.numbers import Cutouts, boxes
from engine.painting.cutouts.views import Region, Views
from engine.random_numbers import Draws, Stream
from engine.request.recipe import Augmentation


def in_regions(
    cutouts: Cutouts,
    parts: Sequence[Region | None],
    augmentation: Augmentation,
    size: tuple[int, int],
    side: int,
    draws: Draws,
    iteration: int,
) -> Cutouts:
    """``cutouts`` of a painting of ``size``, shared by ``parts``; unchanged for the whole picture.

    ``cutouts`` were drawn by ``draws`` for squares of ``side`` pixels. With more parts than
    cutouts, the parts take turns by ``iteration``.
    """
    if all(part is None for part in parts):
        return cutouts
    n, k = len(cutouts.box), len(parts)
    of = [i * k // n if n >= k else (i + iteration * n) % k for i in range(n)]
    drawn = draws.uniforms({Stream.CROP_SIDES: (n,), Stream.CROP_PLACES: (n, 2)})
    box = torch.empty_like(cutouts.box)
    for number in set(of):
        part = parts[number]
        left, top, right, bottom = (0, 0, *size) if part is None else part.bounds
        sides = right - left, bottom - top
        own = slice(of.index(number), of.index(number) + of.count(number))  # they stand in a row
        numbers = {stream: values[own] for stream, values in drawn.items()}
        inner = boxes(replace(augmentation, count=of.count(number)), *sides, side, numbers)
        # As numbers, since tensors would have to be copied to the device.
        columns = zip(inner.unbind(1), sides * 2, (left, top, 0, 0), size * 2, strict=True)
        for i, (share, length, start, whole) in enumerate(columns):
            box[own, i] = ((share * length).round() + start) / whole
    shares = tuple(of.count(number) / n for number in range(k))
    return replace(cutouts, box=box, views=Views(tuple(parts), tuple(of), shares))
