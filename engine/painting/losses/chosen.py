"""The losses of the picture that a recipe asks for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import Tensor

from engine.painting.losses.picture import smoothness_loss
from engine.request.recipe import Recipe

PictureTerm = Callable[[Tensor], Tensor]
"""From a picture [1, 3, H, W] in 0..1 to a scalar."""


def picture_losses(recipe: Recipe, from_scratch: bool) -> dict[str, PictureTerm]:
    """The losses of the picture, by name; none of a weight of 0.

    ``from_scratch`` says that the picture, or a part of it, is not edited but painted anew: a
    picture that is edited as a whole keeps its own texture.
    """
    terms: dict[str, PictureTerm] = {}
    if recipe.smoothness and from_scratch:
        terms["smoothness"] = partial(smoothness_loss, weight=recipe.smoothness)
    return terms
