"""The typical picture of a caption: of all pictures that it is true of, the one it is trained on.

A fox can be three pixels further left, and a woodcut's lines can be anywhere. A perceptor learns
the mean of all the pictures it is shown for a caption, and the mean of many foxes has no eyes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from training.world.captions import Claim
from training.world.scene import PAPER, Ground, Scene, held_out


class MeanOnly(np.random.Generator):
    """Draws the mean of every normal distribution; the rest comes from a fixed seed."""

    def __init__(self) -> None:
        super().__init__(np.random.PCG64(0))

    def normal(  # type: ignore[override]  # of numpy's overloads, the one that is used
        self, loc: float = 0.0, scale: float = 1.0, size: Any = None
    ) -> Any:
        """``loc``, or an array of ``size`` filled with it."""
        return loc if size is None else np.full(size, loc)


class MidpointsOnly(MeanOnly):
    """Draws the middle of every uniform distribution as well."""

    def uniform(  # type: ignore[override]  # of numpy's overloads, the one that is used
        self, low: float = 0.0, high: float = 1.0, size: Any = None
    ) -> Any:
        """The middle of ``low`` and ``high``, or an array of ``size`` filled with it."""
        return self.normal((low + high) / 2, size=size)


STYLE_GROUNDS = {
    "charcoal": ("green", "purple"),
    "watercolour": ("blue", "turquoise"),
    "pixel art": ("turquoise", "green"),
    "neon": ("black",),
    "pencil sketch": ("white",),
    "oil": ("blue", "green"),
    "mosaic": ("purple", "turquoise"),
    "blueprint": ("white",),
    "woodcut": ("white",),
    "stained glass": ("purple", "green"),
}
"""By style, the ground if the prompt names none, and another for things of the first's colour.

On white, an oil painting's strokes, a mosaic's tiles and pixel art's squares would show on the
thing only, and charcoal would look like pencil; on a colour they fill the picture."""


def typical_scene(scene: Scene, claim: Claim) -> Scene:
    """``scene`` with a typical ground and size of a single thing, unless ``claim`` names them.

    The ground is plain if no pattern is claimed. If nothing about it is, a style has its own
    (:data:`STYLE_GROUNDS`), and everything else is on light grey paper, a colour that no thing
    has: in a sum of prompts ("a fox + at night") the thing's own ground stays as a rim around it,
    and light grey disturbs less than white.
    """
    things = scene.things
    if len(things) == 1 and claim.things and claim.things[0].size is None:
        things = (replace(things[0], size="medium"),)
    usual = replace(scene, things=things)
    if claim.ground_colour is None:
        return _on_style_ground(usual) if claim.style else replace(usual, ground=Ground(PAPER))
    if claim.ground_pattern is None and not scene.ground.own_colours:
        return replace(usual, ground=Ground(scene.ground.colour))
    return usual


def _on_style_ground(scene: Scene) -> Scene:
    """On the first of its style's grounds that no thing has and that is not held out, or paper."""
    taken = {thing.colour for thing in scene.things}
    for colour in STYLE_GROUNDS[str(scene.style)]:
        clear = replace(scene, ground=Ground(colour))
        if colour not in taken and not held_out(clear):
            return clear
    return replace(scene, ground=Ground(PAPER))
