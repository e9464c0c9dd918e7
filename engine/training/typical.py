"""What is typical: of all pictures that a caption is true of, the one that paintings are led to.

A fox may stand three pixels further left, and a woodcut's lines run anywhere. What a perceptor
learns to ask for, of all that could be, is the mean, and the mean of many foxes has no eyes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from engine.training.captions import Claim
from engine.training.scene import Ground, Scene, held_out


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


def typical_scene(scene: Scene, claim: Claim) -> Scene:
    """``scene`` with what ``claim`` leaves open as it usually is: the ground, one thing's size.

    A ground is plain where no pattern is told, and where no colour is, white: black for neon, and
    another colour where a thing has that. ``scene`` itself where the other would be held out.
    """
    things = scene.things
    if len(things) == 1 and claim.things and claim.things[0].size is None:
        things = (replace(things[0], size="medium"),)
    usual = replace(scene, things=things)
    if claim.ground_colour is None:
        taken = {thing.colour for thing in things}
        first = ("black",) if scene.style == "neon" else ()
        for colour in (*first, "white", "blue", "yellow"):
            on_it = replace(usual, ground=Ground(colour))
            if colour not in taken and not held_out(on_it):
                return on_it
    elif claim.ground_pattern is None and not scene.ground.own_colours:
        usual = replace(usual, ground=Ground(scene.ground.colour))
    return scene if held_out(usual) else usual
