"""Captions as people write prompts: the ground left open, or added with a plus."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from training.world.captions import (
    Claim,
    describe,
    describe_things,
    ground_words,
    in_style,
    style_words,
)
from training.world.scene import Scene

PLUS = " + "
"""Between prompts that are added, as in a request."""


def sample_prompt(scene: Scene, rng: np.random.Generator) -> tuple[str, Claim]:
    """A random prompt that is true of ``scene``, and what it claims.

    Four in ten say everything, two are as :func:`describe` chooses; two are the things alone, with
    their style if any, and two add the style or the ground with a plus.
    """
    draw = rng.random()
    if draw < 0.6:
        return describe(scene, rng, full=bool(draw < 0.4))
    if draw < 0.8:
        return added_prompt(scene, rng)
    return things_prompt(scene, rng)


def things_prompt(scene: Scene, rng: np.random.Generator) -> tuple[str, Claim]:
    """Such as "a fox" or "a charcoal drawing of a fox", without the ground."""
    words, claim = describe_things(scene, rng, full=True)
    if scene.style is None:
        return words, claim
    return in_style(words, scene.style), replace(claim, style=scene.style)


def added_prompt(scene: Scene, rng: np.random.Generator) -> tuple[str, Claim]:
    """Such as "a fox + in the snow" or "a fox + charcoal drawing"."""
    words, claim = describe_things(scene, rng, full=True)
    if scene.style is not None:
        return f"{words}{PLUS}{style_words(scene.style)}", replace(claim, style=scene.style)
    ground, pattern = ground_words(scene.ground, rng)
    return f"{words}{PLUS}{ground}", replace(
        claim, ground_colour=scene.ground.colour, ground_pattern=pattern
    )
