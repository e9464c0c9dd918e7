"""Captions as people ask for pictures: the ground left to chance, or added with a plus."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine.training.captions import Claim, describe, in_style, style_words, tell_things, where
from engine.training.scene import Scene

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
    things, claim = tell_things(scene, rng, full=True)
    added = draw < 0.8
    if scene.style is not None:
        words = (f"{things}{PLUS}{style_words(scene.style)}" if added
                 else in_style(things, scene.style))
        return words, replace(claim, style=scene.style)
    if not added:
        return things, claim
    behind, pattern = where(scene.ground, rng)
    return f"{things}{PLUS}{behind}", replace(claim, ground_colour=scene.ground.colour,
                                              ground_pattern=pattern)
