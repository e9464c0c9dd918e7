"""What is typical: of all pictures that a caption is true of, the one that paintings are led to.

A fox may stand three pixels further left, and a woodcut's lines run anywhere. What a perceptor
learns to ask for, of all that could be, is the mean, and the mean of many foxes has no eyes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from training.world.captions import Claim
from training.world.scene import PAPER, Ground, Scene, held_out


class Unvaried(np.random.Generator):
    """Of every normal distribution the mean; all else as by chance, and always the same."""

    def __init__(self) -> None:
        super().__init__(np.random.PCG64(0))

    def normal(self, loc: float = 0.0, scale: float = 1.0,  # type: ignore[override]
               size: Any = None) -> Any:
        """``loc``, or an array of ``size`` full of it."""
        return loc if size is None else np.full(size, loc)


class Middle(Unvaried):
    """Of every range the middle, too."""

    def uniform(self, low: float = 0.0, high: float = 1.0,  # type: ignore[override]
                size: Any = None) -> Any:
        """Half-way from ``low`` to ``high``, or an array of ``size`` full of it."""
        return self.normal((low + high) / 2, size=size)


OWN_GROUNDS = {
    "charcoal": ("green", "purple"), "watercolour": ("blue", "turquoise"),
    "pixel art": ("turquoise", "green"), "neon": ("black",), "pencil sketch": ("white",),
    "oil": ("blue", "green"), "mosaic": ("purple", "turquoise"), "blueprint": ("white",),
    "woodcut": ("white",), "stained glass": ("purple", "green")}
"""By style, the ground that nobody asked for, and the one for things that the first hides.

On white an oil painting's strokes, a mosaic's tiles and a pixel's square are where the thing is and
nowhere else, and charcoal is a pencil's: on a colour they fill the picture, as they mostly do."""


def typical_scene(scene: Scene, claim: Claim) -> Scene:
    """``scene`` with what ``claim`` leaves open as it usually is: the ground, one thing's size.

    A ground is plain where no pattern is told. Where nothing of it is, a style has its own
    (:data:`OWN_GROUNDS`), and all else is on paper: where a ground is added to a thing ("a fox +
    at night") their vectors are, and what the thing alone had behind it stays as a rim around it.
    Light grey is nearer to what is asked for than white, and is no colour that a thing has.
    """
    things = scene.things
    if len(things) == 1 and claim.things and claim.things[0].size is None:
        things = (replace(things[0], size="medium"),)
    usual = replace(scene, things=things)
    if claim.ground_colour is None:
        return _on_its_own(usual) if claim.style else replace(usual, ground=Ground(PAPER))
    if claim.ground_pattern is None and not scene.ground.own_colours:
        return replace(usual, ground=Ground(scene.ground.colour))
    return usual


def _on_its_own(scene: Scene) -> Scene:
    """On the first of its style's grounds that no thing is of and training may show, or paper."""
    taken = {thing.colour for thing in scene.things}
    for colour in OWN_GROUNDS[str(scene.style)]:
        clear = replace(scene, ground=Ground(colour))
        if colour not in taken and not held_out(clear):
            return clear
    return replace(scene, ground=Ground(PAPER))
