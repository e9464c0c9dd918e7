"""What iterations of paintings must have in common to be one recording."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import count
from typing import NamedTuple
from weakref import WeakKeyDictionary

from torch import nn

from engine.painting.cutouts import order_that_matters
from engine.painting.graphs.slots import Recordable, tensors_of
from engine.painting.measuring import loss_names
from engine.painting.targets import PromptTarget, StructureTarget, regions_of

_NUMBERS: WeakKeyDictionary[nn.Module, int] = WeakKeyDictionary()
_COUNT = count(1)


class Key(NamedTuple):
    """``networks`` has a number for each; ``shape`` is all else that is the same."""

    networks: tuple[int, ...]
    shape: Hashable


def key_of(paintings: Sequence[Recordable]) -> Key | None:
    """The key of the next iteration of ``paintings``, which are stepped together.

    None if it cannot be recorded, because the host decides something in it: an aesthetic head,
    several passes, and optimisers of PyTorch.
    """
    shapes = [_shape_of(painting) for painting in paintings]
    if any(shape is None for shape in shapes):
        return None
    first = paintings[0]
    return Key(
        tuple(number_of(network) for network in networks_of(first)),
        (
            (first.recipe.width, first.recipe.height, first.augmentation, first.recomputes),
            *shapes,
        ),
    )


def networks_of(painting: Recordable) -> list[nn.Module]:
    """The networks of a painting's iterations."""
    return [painting.generator, *(guide.perceptor for guide in painting.guides)]


def number_of(network: nn.Module) -> int:
    """A number that no other network of this process has, nor had."""
    if network not in _NUMBERS:
        _NUMBERS[network] = next(_COUNT)
    return _NUMBERS[network]


def _shape_of(painting: Recordable) -> Hashable | None:
    recipe, optimiser, pulls = painting.recipe, painting.optimiser, painting.pulls()
    if painting.passes > 1 or optimiser.numbers() is None:
        return None
    for each in pulls:
        if type(each.target) not in (PromptTarget, StructureTarget):
            return None
    names = [pull.target.name for pull in pulls]
    return (
        (type(painting.latent), recipe.tile, _places(painting)),
        *(type(optimiser), recipe.optimiser, recipe.betas, recipe.ema, recipe.clamp),
        order_that_matters(painting.augmentation, painting.draws()),
        (bool(painting.alpha), recipe.losses, recipe.smoothness, *painting.picture_losses),
        tuple((type(each.target), getattr(each.target, "distance", "")) for each in pulls),
        tuple(names.index(name) for name in names),
        len(loss_names(painting)),
        tuple(
            (name, value.shape, value.dtype, value.stride())
            for name, value in tensors_of(painting).items()
        ),
    )


def _places(painting: Recordable) -> Hashable:
    """Where each pull pulls, and which regions have their turn if there are more than cutouts."""
    pulls = painting.pulls()
    regions, cutouts = regions_of(pulls), painting.augmentation.count
    bounds = tuple(each and (each.bounds, each.mask is not None) for each in regions)
    turn = painting.iteration * cutouts % len(regions) if cutouts < len(regions) else 0
    return bounds, tuple(regions.index(pull.target.region) for pull in pulls), turn
