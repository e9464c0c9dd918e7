"""Scoring a finished picture for concepts, for pictures and time-lapses alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PIL import Image

from engine.models import Perceptor
from engine.painting.concepts import concept_scores
from engine.painting.iterate import Iterate
from engine.worker.small_pictures import small_tensor


def picture_scores(
    perceptor: Perceptor,
    picture: Image.Image,
    concepts: Sequence[str],
    warn: Callable[[str], None],
) -> dict[str, float]:
    """The scores of ``concepts`` in an RGB picture; empty if scoring fails, as of memory."""
    try:
        return concept_scores(perceptor, small_tensor(picture), concepts)
    except RuntimeError as error:
        warn(f"the picture could not be scored: {error}")
        return {}


def scores_of(
    perceptor: Perceptor,
    iterate: Iterate,
    picture: Image.Image,
    concepts: Sequence[str],
    warn: Callable[[str], None],
) -> dict[str, float]:
    """The scores of ``concepts`` in what was painted and in the picture that is posted.

    Empty if scoring fails, for example of memory.
    """
    if not concepts:
        return {}
    try:
        scores = concept_scores(perceptor, iterate.image, concepts)
        if picture.size != (iterate.image.shape[2], iterate.image.shape[1]):
            # What is posted shows more than what was painted.
            whole = concept_scores(perceptor, small_tensor(picture), concepts)
            scores = {name: max(scores.get(name, 0.0), score) for name, score in whole.items()}
        return scores
    except RuntimeError as error:
        warn(f"the picture could not be scored: {error}")
        return {}
