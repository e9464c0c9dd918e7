"""The figures of natural pictures, computed from the judges' log probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from bench.common.statistics import share, wilson_interval
from bench.prompts import Entry
from engine.models import Models

PLUS = " + "


@dataclass(frozen=True)
class Judgement:
    """Log probabilities for n pictures: of the classes [n, 1000], and of the styles [n, S].

    ``styles`` is None if the prompts ask for no style.
    """

    classes: Tensor
    styles: Tensor | None = None
    style_names: tuple[str, ...] = ()


def in_top(classes: Tensor, true: Sequence[Sequence[int]], k: int) -> list[bool]:
    """For each row of [n, 1000]: is one of its true classes among the ``k`` most likely?"""
    best = classes.topk(k, dim=1).indices.tolist()
    return [not set(row).isdisjoint(own) for row, own in zip(best, true, strict=True)]


def caption_scores(judgement: Judgement, row: int, entry: Entry) -> Tensor:
    """The log probability [captions] of each caption of an entry for picture ``row``.

    If a caption is true of several classes, their probabilities are added.
    """
    logs = judgement.classes[row]
    scores = torch.stack([logs[own].logsumexp(0) for own in entry["classes"]])
    if "styles" not in entry:
        return scores
    assert judgement.styles is not None
    numbers = [judgement.style_names.index(style) for style in entry["styles"]]
    return scores + judgement.styles[row, numbers]


def first_is_highest(scores: Tensor) -> bool:
    """Whether the first of the scores [n] is higher than all others; a tie does not count."""
    return bool((scores[0] > scores[1:]).all())


def caption_ranked_first(judgement: Judgement, entries: list[Entry]) -> list[bool]:
    """For each picture: does the judge put its own caption first?"""
    return [
        first_is_highest(caption_scores(judgement, row, entry)) for row, entry in enumerate(entries)
    ]


def style_ranked_first(judgement: Judgement, entries: list[Entry]) -> list[bool]:
    """For each picture: is the style of its prompt the most likely one?"""
    assert judgement.styles is not None
    best = judgement.styles.argmax(1).tolist()
    return [
        judgement.style_names[i] == entry["styles"][0]
        for i, entry in zip(best, entries, strict=True)
    ]


@torch.no_grad()
def encode_captions(models: Models, captions: list[str], batch: int = 100) -> Tensor:
    """Unit vectors [n, D] of captions; for a caption of several prompts, of their sum."""
    parts = list(dict.fromkeys(part for caption in captions for part in caption.split(PLUS)))
    vectors = torch.cat(
        [models.perceptor.encode_text(parts[i : i + batch]) for i in range(0, len(parts), batch)]
    )
    place = {part: i for i, part in enumerate(parts)}
    return torch.stack(
        [
            F.normalize(vectors[[place[part] for part in caption.split(PLUS)]].sum(0), dim=0)
            for caption in captions
        ]
    )


@torch.no_grad()
def perceptor_ranked_first(models: Models, entries: list[Entry], pictures: Tensor) -> list[bool]:
    """For each of [n, 3, H, W]: does the guiding perceptor find its own caption the nearest?"""
    side = models.perceptor.resolution
    right = []
    for entry, picture in zip(entries, pictures, strict=True):
        resized = picture[None].to(models.device)
        if resized.shape[-2:] != (side, side):
            resized = F.interpolate(resized, (side, side), mode="bilinear", antialias=True)
        image = models.perceptor.read_image(resized)[0]
        texts = encode_captions(models, [entry["caption"], *entry["others"]])
        right.append(first_is_highest(texts @ image))
    return right


def summary(flags: dict[str, list[bool]]) -> dict[str, Any]:
    """The share of each figure, and their 95% intervals; None if a figure has no pictures."""
    shares = {name: share(right) if right else None for name, right in flags.items()}
    return shares | {
        "intervals": {name: wilson_interval(right) for name, right in flags.items() if right}
    }
