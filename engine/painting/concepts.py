"""How much of a concept there is in a picture, by the perceptor alone.

CLIP's similarities mean little by themselves: a picture's with its best caption is about 0.3, with
a wrong one about 0.2, and where between them "shown" begins depends on the caption. So a concept
is scored as CLIP classifies without training (Radford et al. 2021, section 3.1.4): the softmax,
at the scale that the perceptor has learned, of its caption among captions that say nothing::

    score = exp(s v.c) / (exp(s v.c) + sum_i exp(s v.n_i))

with the unit vectors v of the picture, c of "a picture of <concept>", and n_i of the neutral
captions. Each concept stands against the neutral ones alone, so that a list's entries do not
change each other's scores.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from engine.models import Perceptor

NEUTRAL = ("a picture", "a drawing", "a painting", "a photo", "a pattern of colours",
           "a picture of a place", "a picture of an object", "a picture of an animal",
           "a picture of a person")


def concept_scores(perceptor: Perceptor, picture: Tensor,
                   concepts: Sequence[str]) -> dict[str, float]:
    """The score, 0 to 1, of each of ``concepts`` in ``picture`` [3, H, W], values in 0..1.

    The perceptor looks at the whole picture, squeezed to its own square. A concept of which it
    knows no word is left out, and so is one whose score is no number.
    """
    known = [concept for concept in dict.fromkeys(concepts) if _known(perceptor, concept)]
    if not known:
        return {}
    with torch.no_grad():
        side = perceptor.resolution
        whole = functional.interpolate(picture[None], (side, side), mode="bicubic",
                                       antialias=True, align_corners=False).clamp(0, 1)
        image = perceptor.read_image(whole)[0]  # [D]
        texts = perceptor.encode_text([f"a picture of {concept}" for concept in known]
                                      + neutral_captions(perceptor))
        scores = softmax_scores(texts @ image, len(known), perceptor.scale)
    return {concept: score for concept, score in zip(known, scores.tolist(), strict=True)
            if math.isfinite(score)}


def neutral_captions(perceptor: Perceptor) -> list[str]:
    """Those of NEUTRAL that the perceptor can read whole; all, where it can read none so."""
    return [text for text in NEUTRAL if not perceptor.tokenize(text).unknown] or list(NEUTRAL)


def softmax_scores(similarities: Tensor, count: int, scale: float) -> Tensor:
    """Scores [count] from cosines [count + neutral ones], each against the neutral ones alone."""
    logits = scale * similarities.to(torch.float64)
    neutral = torch.logsumexp(logits[count:], dim=0)
    return torch.sigmoid(logits[:count] - neutral)


def _known(perceptor: Perceptor, concept: str) -> bool:
    """Whether any token of it is left between start and end."""
    return int((perceptor.tokenize(concept).ids != 0).sum()) > 2
