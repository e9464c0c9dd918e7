"""Whether a picture fits into the free memory, and how, before the first step.

Running out of memory is an error on a GPU, and recovery (engine.painting.recovery) deals with it.
On a CPU, Linux promises more memory than it has and then kills the process, so there it has to be
known before.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

from engine.errors import EngineError, OutOfMemoryError
from engine.models import Generator, Perceptor
from engine.models.free_memory import keep_freed
from engine.models.memory import is_lost_device, is_memory_error
from engine.painting.footprint import (
    FIXED,
    Footprint,
    Kept,
    footprint_from,
    kept_by_cutout,
    kept_by_generator,
)
from engine.request.limits import range_of
from engine.request.recipe import Augmentation, Recipe
from engine.translatable import Translatable

_USABLE = 0.97  # of the free memory; other programs want some, too
_ROOMY = 2.0  # with so many times the memory that an iteration needs, some may lie idle
# So many passes cost less time than to compute the decoder's upper levels again.
_CHEAP_PASSES = 4

# Counted once for each network and way of using it, which the picture's size hardly changes.
_DECODING: WeakKeyDictionary[Generator, dict[bool, Kept]] = WeakKeyDictionary()
_LOOKING: WeakKeyDictionary[Perceptor, dict[Augmentation, float]] = WeakKeyDictionary()


@dataclass(frozen=True)
class MemoryPlan:
    """In how many ``passes`` to look at the cutouts, and whether to decode in less memory.

    With ``recompute``, parts of the decoder are computed again in the backward pass. If memory is
    ``roomy``, what an iteration frees can be kept for the next one
    (engine.models.free_memory.keep_freed).
    """

    passes: int = 1
    recompute: bool = False
    roomy: bool = False


def plan_memory(
    generator: Generator, perceptor: Perceptor, recipe: Recipe, free: int | None
) -> MemoryPlan:
    """The fastest plan with which each iteration fits into ``free`` bytes.

    One pass if that is unknown, or if the model cannot be counted (engine.painting.footprint).
    Raises OutOfMemoryError, with the largest size that fits, if no plan is enough.
    """
    if free is None:
        return MemoryPlan()
    usable = int(free * _USABLE)
    needs = _Needs(generator, perceptor, recipe)
    plans = list(_plans(recipe))
    try:
        for plan in plans:
            needed = needs.of(plan, recipe.width, recipe.height)
            if needed <= usable:
                return replace(plan, roomy=needed * _ROOMY <= usable)
    except _UNCOUNTABLE as error:
        _check_uncountable(error)
        return MemoryPlan()
    least = plans[-1]
    fitting = next(
        (
            size
            for size in smaller_sizes(recipe.width, recipe.height, generator.factor)
            if needs.of(least, *size) <= usable
        ),
        None,
    )
    raise OutOfMemoryError(
        "A picture of {width}x{height} needs about {needed} GB of memory with this model, and "
        "{free} GB are free; {advice}.",
        width=recipe.width,
        height=recipe.height,
        needed=_gigabytes(needs.of(least, recipe.width, recipe.height)),
        free=_gigabytes(free),
        advice=advice(fitting),
    )


def prepare_memory(
    generator: Generator, perceptor: Perceptor, recipe: Recipe, free: int | None
) -> MemoryPlan:
    """:func:`plan_memory`; on a CPU, freed memory is kept from now on if the plan is roomy."""
    plan = plan_memory(generator, perceptor, recipe, free)
    if generator.reference.device.type == "cpu":
        keep_freed(plan.roomy)
    return plan


def fitting_together(
    generator: Generator, perceptor: Perceptor, recipe: Recipe, free: int | None, recompute: bool
) -> int:
    """How many paintings, stepped together in one pass, fit into ``free`` bytes; at least 1.

    Only 1 for a model that cannot be counted. Without ``free``, that limits nothing.
    """
    if free is None:
        return sys.maxsize
    try:
        one = _Needs(generator, perceptor, recipe).of(
            MemoryPlan(1, recompute), recipe.width, recipe.height
        )
    except _UNCOUNTABLE as error:
        _check_uncountable(error)
        return 1
    return max(1, int((free * _USABLE - FIXED) // (one - FIXED)))


def fastest_and_least(
    generator: Generator, perceptor: Perceptor, recipe: Recipe
) -> tuple[int, int]:
    """The bytes that an iteration needs at most by the fastest plan, and by the smallest."""
    needs, size = _Needs(generator, perceptor, recipe), (recipe.width, recipe.height)
    needed = [needs.of(plan, *size) for plan in _plans(recipe)]
    return needed[0], min(needed)


_UNCOUNTABLE = (EngineError, RuntimeError, ValueError)


def _check_uncountable(error: Exception) -> None:
    """Raise ``error`` unless it means that the model does not take small pictures."""
    if is_memory_error(error) or is_lost_device(error):
        raise error


@dataclass(frozen=True)
class _Needs:
    """The bytes that paintings by ``recipe`` need. Only what is asked for is counted."""

    generator: Generator
    perceptor: Perceptor
    recipe: Recipe

    def of(self, plan: MemoryPlan, width: int, height: int) -> int:
        """The most that an iteration needs."""
        return max(
            self._footprint(stage, plan.recompute).peak(
                width, height, -(-stage.count // plan.passes)
            )
            for stage in (self.recipe.augmentation_at(0), self.recipe.augmentation)
        )

    def _footprint(self, stage: Augmentation, recompute: bool) -> Footprint:
        decoding = _DECODING.setdefault(self.generator, {})
        if recompute not in decoding:
            decoding[recompute] = kept_by_generator(self.generator, recompute)
        # As in footprint_of: the largest member of an ensemble decides.
        looking = max(self._looking(each, stage) for each, _ in self.perceptor.members)
        return footprint_from(decoding[recompute], looking, self.generator, self.recipe, recompute)

    def _looking(self, perceptor: Perceptor, stage: Augmentation) -> float:
        looking = _LOOKING.setdefault(perceptor, {})
        if stage not in looking:
            looking[stage] = kept_by_cutout(perceptor, self.recipe, stage)
        return looking[stage]


def _plans(recipe: Recipe) -> Iterator[MemoryPlan]:
    """All plans, the fastest first and the one that needs least memory last."""
    cutouts = max(recipe.augmentation_at(0).count, recipe.augmentation.count)
    doubled = [1 << i for i in range((cutouts - 1).bit_length() + 1)]
    yield from (MemoryPlan(passes) for passes in doubled if passes <= _CHEAP_PASSES)
    yield from (MemoryPlan(passes, recompute=True) for passes in doubled)


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.{1 if count >= 1e9 else 2}f}"


def advice(fitting: tuple[int, int] | None) -> Translatable:
    """What to do instead of a picture that is too large; ``fitting`` is a size that is not."""
    if fitting is None:
        return Translatable("choose a smaller model")
    return Translatable("{width}x{height} would fit", width=fitting[0], height=fitting[1])


def smaller_sizes(width: int, height: int, factor: int) -> list[tuple[int, int]]:
    """Sizes below ``width`` x ``height`` of about its shape, in steps of ``factor``, falling."""
    least = range_of("width").low
    long, short = max(width, height), min(width, height)
    sizes = []
    for tokens in range(long // factor - 1, 0, -1):
        side = tokens * factor
        other = max(1, round(short / long * tokens)) * factor
        if min(side, other) < least:
            break
        sizes.append((side, other) if width >= height else (other, side))
    return sizes
