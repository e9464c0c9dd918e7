"""Captions as people ask for pictures: the ground left to chance, or added with a plus."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from engine.models import Perceptor
from training.world.captions import Claim, describe, in_style, style_words, tell_things, where
from training.world.scene import Scene

PLUS = " + "
"""Between prompts that are added, as a request's words have it."""


def ask(scene: Scene, rng: np.random.Generator) -> tuple[str, Claim]:
    """A caption that is true of ``scene``, and what it claims.

    In four of ten cases everything is told, in two as :func:`describe` likes; in the others the
    things alone, their style with them or, like the ground, after a plus.
    """
    draw = rng.random()
    if draw < 0.6:
        return describe(scene, rng, full=bool(draw < 0.4))
    if draw < 0.8:
        return ask_by_parts(scene, rng)
    return ask_for_things(scene, rng)


def ask_for_things(scene: Scene, rng: np.random.Generator) -> tuple[str, Claim]:
    """As "a fox" or "a charcoal drawing of a fox", on whatever ground."""
    words, claim = tell_things(scene, rng, full=True)
    if scene.style is None:
        return words, claim
    return in_style(words, scene.style), replace(claim, style=scene.style)


def ask_by_parts(scene: Scene, rng: np.random.Generator) -> tuple[str, Claim]:
    """As "a fox + in the snow" or "a fox + charcoal drawing"."""
    words, claim = tell_things(scene, rng, full=True)
    if scene.style is not None:
        return f"{words}{PLUS}{style_words(scene.style)}", replace(claim, style=scene.style)
    behind, pattern = where(scene.ground, rng)
    return f"{words}{PLUS}{behind}", replace(claim, ground_colour=scene.ground.colour,
                                             ground_pattern=pattern)


def encode_asked(perceptor: Perceptor, captions: list[str]) -> Tensor:
    """Unit vectors [N, D] of the captions; of prompts that are added, of their vectors' mean."""
    vectors, whose = encode_parts(perceptor, captions)
    sums = vectors.new_zeros(len(captions), vectors.shape[1]).index_add(0, whose, vectors)
    return torch.nn.functional.normalize(sums, dim=1)


def encode_parts(perceptor: Perceptor, captions: list[str]) -> tuple[Tensor, Tensor]:
    """Unit vectors [P, D] of all the captions' prompts, and of which caption each is [P]."""
    parts = [caption.split(PLUS) for caption in captions]
    rows = [perceptor.tokenize(words).ids for each in parts for words in each]
    whose = torch.arange(len(parts)).repeat_interleave(torch.tensor([len(p) for p in parts]))
    return _encode_rows(perceptor, torch.stack(rows)), whose


def _encode_rows(perceptor: Perceptor, rows: Tensor) -> Tensor:
    """The rows' vectors, those of a length together: behind the longest nothing is to be read."""
    lengths = (rows != 0).sum(1)
    order = lengths.argsort()
    vectors = [perceptor.encode_tokens(rows[some, : int(lengths[some].max())])
               for some in order.split(64)]
    return torch.cat(vectors)[order.argsort()]
