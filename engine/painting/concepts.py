"""How clearly a picture shows a concept, judged by the perceptor alone.

CLIP's similarities have no absolute meaning: a picture and its best caption have about 0.3, a
picture and a wrong caption about 0.2, and the threshold between them depends on the caption. So a
concept is scored as in CLIP's zero-shot classification (Radford et al. 2021, section 3.1.4): the
softmax, at the perceptor's learned scale, of its caption against neutral captions::

    score = exp(s v.c) / (exp(s v.c) + sum_i exp(s v.n_i))

with the unit vectors v of the picture, c of "a picture of <concept>", and n_i of the neutral
captions. Each concept is compared only with the neutral captions, so the score of one concept does
not depend on the others in the list.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from engine.models import Perceptor

NEUTRAL = (
    "a picture",
    "a drawing",
    "a painting",
    "a photo",
    "a pattern of colours",
    "a picture of a place",
    "a picture of an object",
    "a picture of an animal",
    "a picture of a person",
)


def concept_scores(
    perceptor: Perceptor, picture: Tensor, concepts: Sequence[str]
) -> dict[str, float]:
    """The score, 0 to 1, of each of ``concepts`` in ``picture`` [3, H, W], values in 0..1.

    The perceptor sees the whole picture, squeezed to a square. Concepts without a word that it
    knows are left out, as are scores that are not finite.
    """
    known = [concept for concept in dict.fromkeys(concepts) if perceptor.tokenize(concept).count]
    if not known:
        return {}
    with torch.no_grad():
        image = perceptor.read_image(perceptor.squeezed(picture[None]))[0]  # [D]
        texts = perceptor.encode_text(
            [f"a picture of {concept}" for concept in known] + neutral_captions(perceptor)
        )
        scores = softmax_scores(texts @ image, len(known), perceptor.scale)
    return {
        concept: score
        for concept, score in zip(known, scores.tolist(), strict=True)
        if math.isfinite(score)
    }


def neutral_captions(perceptor: Perceptor) -> list[str]:
    """The NEUTRAL captions whose every word the perceptor knows; all of them if there are none."""
    return [text for text in NEUTRAL if not perceptor.tokenize(text).unknown] or list(NEUTRAL)


def softmax_scores(similarities: Tensor, count: int, scale: float) -> Tensor:
    """Scores [count], 0 to 1, from cosines [count + neutral], each against the neutral ones."""
    logits = scale * similarities.to(torch.float64)
    neutral = torch.logsumexp(logits[count:], dim=0)
    return torch.sigmoid(logits[:count] - neutral)
