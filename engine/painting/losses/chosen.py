"""The losses of the picture that a recipe asks for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from engine.painting.losses.picture import (
    edge_loss,
    palette_loss,
    saturation_loss,
    smoothness_loss,
    symmetry_loss,
)
from engine.request.recipe import Recipe

PictureTerm = Callable[[Tensor], Tensor]
"""From a picture [1, 3, H, W] in 0..1 to a scalar."""

_AXES = {"left-right": (-1,), "top-bottom": (-2,), "both": (-1, -2)}


def picture_losses(recipe: Recipe, from_scratch: bool, like: Tensor) -> dict[str, PictureTerm]:
    """The losses of the picture, by name; none of a weight of 0.

    ``from_scratch`` says that the picture, or a part of it, is not edited but painted from the
    start: a picture that is edited as a whole keeps its own texture, unless somebody asks for
    another smoothness. Colours become tensors as ``like``.
    """
    chosen = recipe.losses
    smoothness = chosen.smoothness
    if smoothness is None:
        smoothness = recipe.smoothness if from_scratch else 0.0
    terms: dict[str, PictureTerm] = {}
    if smoothness:
        terms["smoothness"] = partial(smoothness_loss, weight=smoothness)
    if chosen.saturation:
        terms["saturation"] = partial(saturation_loss, weight=chosen.saturation)
    if chosen.symmetry:
        axes = _AXES[chosen.axis]
        terms["symmetry"] = partial(symmetry_loss, axes=axes, weight=chosen.symmetry)
    if chosen.palette:
        colours = torch.tensor(chosen.colours).to(like)
        terms["palette"] = partial(palette_loss, colours=colours, weight=chosen.palette)
    if chosen.edge:
        colour = None if chosen.border is None else torch.tensor(chosen.border).to(like)
        terms["edge"] = partial(edge_loss, colour=colour, weight=chosen.edge)
    return terms
