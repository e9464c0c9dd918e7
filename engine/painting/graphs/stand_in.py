"""A painting whose tensors and numbers are fixed buffers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace

from torch import Tensor

from engine.painting.cutouts import order_that_matters
from engine.painting.graphs.slots import Iterated, Recordable, Slot
from engine.painting.kept import KeepsParts
from engine.painting.masking import Mask
from engine.painting.measuring import measure
from engine.painting.steering import Frozen
from engine.painting.targets import Pull, regions_of
from engine.painting.updating import update_latent
from engine.random_numbers import DrawsOnDevice


class StandIn(KeepsParts):
    """The painting in a slot, of the shape of ``painting`` at this iteration.

    Whatever differs between two paintings, or iterations, with equal keys (engine.painting.graphs.
    keys) is in the slot's buffers.
    """

    def __init__(self, painting: Recordable, slot: Slot) -> None:
        tensors, numbers = slot.tensors, iter(slot.numbers)
        self.generator, self.guides = painting.generator, painting.guides
        self.recipe, self.augmentation = painting.recipe, painting.augmentation
        self.picture_losses = painting.picture_losses
        self.recomputes, self.passes = painting.recomputes, 1
        self.iteration = painting.iteration  # only regions that take turns ask for it
        self.still_finite = slot.still_finite
        self.latent = painting.latent.over(tensors["z"], tensors.get("initial"))
        self.anchor, self.original = tensors.get("anchor"), tensors.get("original")
        self.average = painting.average and painting.average.over(tensors["average"])
        self.mask = None
        if painting.mask is not None:
            self.mask = Mask(painting.mask.hard, tensors["pixels"], tensors["tokens"])
        self.frozen = None
        if painting.frozen is not None:
            names = [field.name for field in fields(Frozen)]
            self.frozen = Frozen(**{name: tensors[f"frozen {name}"] for name in names})
        moments = [tensors[f"moment {i}"] for i in range(len(painting.optimiser.moments()))]
        self.optimiser = painting.optimiser.over(self.latent.z, moments)
        self.of_optimiser = tuple(next(numbers) for _ in painting.optimiser.numbers() or ())
        alpha = next(numbers)
        self.alpha: float | Tensor = alpha if painting.alpha else 0.0
        pulls = painting.pulls()
        regions = {
            region: region and replace(region, mask=tensors.get(f"region {i}"))
            for i, region in enumerate(regions_of(pulls))
        }
        self._pulls = []
        for i, pull in enumerate(pulls):
            vectors = tuple(tensors[f"vector {i} {j}"] for j in range(len(pull.target.vectors)))
            region = regions[pull.target.region]
            weights = tuple(next(numbers) for _ in pull.weights)
            stops = tuple(next(numbers) for _ in pull.stops)
            target = replace(pull.target, vectors=vectors, region=region)
            self._pulls.append(Pull(target, weights, stops))
        order = order_that_matters(painting.augmentation, painting.draws())
        self._draws = DrawsOnDevice(slot.seed, slot.iteration, slot.attempt, order)

    def pulls(self) -> Sequence[Pull]:
        """What pulls, with the slot's vectors and weights."""
        return self._pulls

    def draws(self) -> DrawsOnDevice:
        """The random numbers of the slot's iteration."""
        return self._draws


def iterate(paintings: Sequence[StandIn]) -> Iterated:
    """Measure and update all, as engine.painting.step does with paintings."""
    measured = measure(paintings)
    finite = [
        painting.still_finite & flag
        for painting, flag in zip(paintings, measured.finite, strict=True)
    ]
    for painting, flag in zip(paintings, finite, strict=True):
        update_latent(painting, flag, painting.of_optimiser)
    return Iterated(measured.pictures, measured.numbers(finite), finite)
