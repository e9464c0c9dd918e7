"""The figures of natural pictures, from what the judges read in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from bench.common.statistics import interval, share
from engine.models import Models

Entry = dict[str, Any]
PLUS = " + "


@dataclass(frozen=True)
class Reading:
    """Log probabilities of n pictures: [n, 1000] of the classes, [n, S] of the styles, if read."""

    classes: Tensor
    styles: Tensor | None = None
    style_names: tuple[str, ...] = ()


def among_best(classes: Tensor, true: Sequence[Sequence[int]], k: int) -> list[bool]:
    """For each row of [n, 1000]: is one of its true classes among the ``k`` likeliest?"""
    best = classes.topk(k, dim=1).indices.tolist()
    return [not set(row).isdisjoint(own) for row, own in zip(best, true, strict=True)]


def claim_scores(reading: Reading, row: int, entry: Entry) -> Tensor:
    """The log probability [captions] of what each of an entry's captions says of picture ``row``.

    Of a caption that is true of several classes, that of any of them.
    """
    logs = reading.classes[row]
    scores = torch.stack([logs[own].logsumexp(0) for own in entry["classes"]])
    if "styles" not in entry:
        return scores
    assert reading.styles is not None
    numbers = [reading.style_names.index(style) for style in entry["styles"]]
    return scores + reading.styles[row, numbers]


def is_first(scores: Tensor) -> bool:
    """Whether the first of the scores [n] is the highest, alone."""
    return bool((scores[0] > scores[1:]).all())


def judged_first(reading: Reading, entries: list[Entry]) -> list[bool]:
    """For each picture: does the judge put its own caption first of all?"""
    return [is_first(claim_scores(reading, row, entry)) for row, entry in enumerate(entries)]


def own_style(reading: Reading, entries: list[Entry]) -> list[bool]:
    """For each picture: is the style that was asked for the likeliest of all?"""
    assert reading.styles is not None
    best = reading.styles.argmax(1).tolist()
    return [reading.style_names[i] == entry["styles"][0]
            for i, entry in zip(best, entries, strict=True)]


@torch.no_grad()
def encode_captions(models: Models, captions: list[str], batch: int = 100) -> Tensor:
    """Unit vectors [n, D] of captions; of prompts that are added, of their vectors' mean."""
    parts = list(dict.fromkeys(part for caption in captions for part in caption.split(PLUS)))
    vectors = torch.cat([models.perceptor.encode_text(parts[i: i + batch])
                         for i in range(0, len(parts), batch)])
    place = {part: i for i, part in enumerate(parts)}
    return torch.stack([F.normalize(vectors[[place[part] for part in caption.split(PLUS)]].sum(0),
                                    dim=0) for caption in captions])


@torch.no_grad()
def perceived_first(models: Models, entries: list[Entry], pictures: Tensor) -> list[bool]:
    """For each of [n, 3, H, W]: is its own caption the nearest to the guiding perceptor?"""
    side = models.perceptor.resolution
    right = []
    for entry, picture in zip(entries, pictures, strict=True):
        seen = picture[None].to(models.device)
        if seen.shape[-2:] != (side, side):
            seen = F.interpolate(seen, (side, side), mode="bilinear", antialias=True)
        image = models.perceptor.read_image(seen)[0]
        texts = encode_captions(models, [entry["caption"], *entry["others"]])
        right.append(is_first(texts @ image))
    return right


def summary(flags: dict[str, list[bool]]) -> dict[str, Any]:
    """Each share by its name, and their 95% intervals; a share of nothing is null."""
    shares = {name: share(right) if right else None for name, right in flags.items()}
    return shares | {"intervals": {name: interval(right) for name, right in flags.items()
                                   if right}}
