"""Several paintings of one shape, stepped together; what fails in one costs the others nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence

from engine.models.free_memory import give_back
from engine.models.memory import is_memory_error
from engine.painting.graphs.registry import make_room
from engine.painting.iterate import Iterate
from engine.painting.late import Unread
from engine.painting.memory_plan import fitting_together
from engine.painting.recovery import BeforeStep
from engine.painting.step import step_once
from engine.painting.synthesis import Synthesis


def shape_of(painting: Synthesis) -> Hashable | None:
    """What paintings must have in common to be stepped together; None for one that is alone.

    It can change from one iteration to the next, with the recipe's cutouts. A painting that looks
    at its cutouts in several passes, because memory is short, is alone.
    """
    if painting.recovery.passes > 1:
        return None
    recipe = painting.recipe
    return (
        id(painting.generator),
        *(id(guide.perceptor) for guide in painting.targets.guides(painting.perceptor)),
        recipe.width,
        recipe.height,
        recipe.augmentation_at(painting.iteration),
        painting.recovery.recompute,
    )  # tiles have a generator of their own


def most_together(painting: Synthesis, free: int | None) -> int:
    """How many paintings like this one fit into ``free`` bytes in one step, at least 1."""
    recompute = painting.recovery.recompute
    return fitting_together(
        painting.generator, painting.perceptor, painting.recipe, free, recompute
    )


def step_together(
    paintings: Sequence[Synthesis], failed: Callable[[Exception], None] | None = None
) -> list[Iterate | Exception]:
    """Step each painting once, all of which have the same :func:`shape_of`.

    Returns each one's iterate, or the error with which :meth:`Synthesis.step` would end it; the
    painting is then as it was before. If numbers overflow in one painting, it alone goes back. If
    the step fails for all, as memory runs out, ``failed`` is called with the reason and they are
    stepped one after the other.
    """
    if len(paintings) == 1:
        return [_alone(paintings[0])]
    before = []
    try:
        for painting in paintings:
            before.append(BeforeStep(painting))
        outcomes = step_once(paintings, before)
    except BaseException as error:
        for each in before:
            each.restore()
        if not isinstance(error, Exception):
            raise
        failure = error
    else:
        return [
            outcome if isinstance(outcome, Iterate) else _after_overflow(painting, outcome)
            for painting, outcome in zip(paintings, outcomes, strict=True)
        ]
    del before
    failure.__traceback__ = None  # it keeps all tensors of the step in memory
    if is_memory_error(failure):
        make_room()
        give_back()
    if failed is not None:
        failed(failure)
    return [_alone(painting) for painting in paintings]


def _alone(painting: Synthesis) -> Iterate | Exception:
    try:
        return painting.step()
    except Exception as error:  # noqa: BLE001  one painting's error must not end the others
        return error


def _after_overflow(painting: Synthesis, failed: Unread) -> Iterate | Exception:
    began = time.perf_counter()
    try:
        painting.roll_back(failed)
        return painting.step(began)
    except Exception as final:  # noqa: BLE001  one painting's error must not end the others
        return final
