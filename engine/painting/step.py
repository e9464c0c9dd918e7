"""One iteration of a painting, or the same for several paintings of one shape at once.

The networks see all of them in one pass; latents, masks, losses, optimisers and random numbers
are each painting's own. A single painting takes the same way as several.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Protocol

from torch import Tensor

from engine.models import Generator
from engine.painting import late
from engine.painting.graphs.registry import graph_of
from engine.painting.graphs.slots import Iterated, Recordable
from engine.painting.iterate import Iterate
from engine.painting.late import Numbers, Outcome, Unread
from engine.painting.latent import Latent
from engine.painting.measuring import loss_names, measure
from engine.painting.recovery import (
    SNAPSHOT_EVERY,
    BeforeStep,
    Recoverable,
    Recovery,
)
from engine.request.recipe import Recipe

if TYPE_CHECKING:
    from PIL import Image


class Painting(Recordable, Recoverable, Protocol):
    """What a step reads and changes of a painting; Synthesis is one."""

    generator: Generator
    recipe: Recipe
    latent: Latent
    anchor: Tensor | None
    iteration: int
    recovery: Recovery
    widest: int

    @property
    def shown_size(self) -> tuple[int, int] | None:
        """The size in which all iterates are shown; None for their own."""

    def begin(self) -> None:
        """Do what the recipe says before this iteration: move, or start the optimiser again."""

    def update(self, finite: Tensor | None = None) -> None:
        """Update the latent once with its gradient; not if ``finite``, on the device, is false."""

    def replayed(self) -> None:
        """Note an update that a recording made."""

    def compose(self, image: Tensor) -> Image.Image:
        """A picture [3, H, W], put back into the picture that is edited."""


def step_once(
    paintings: Sequence[Painting],
    befores: Sequence[BeforeStep],
    began: float | None = None,
) -> list[Iterate | Unread]:
    """Decode each painting, measure its losses, and update its latent once.

    All have the same networks, size and cutouts (see engine.painting.batch), and one pass each
    unless there is only one painting. ``befores`` are the paintings as they are now. A painting
    whose numbers are not finite is not updated, and gets the iteration in which it was found
    instead of its iterate: on a GPU an earlier one, see engine.painting.late. The time since
    ``began``, in seconds of perf_counter, is shared equally. What raises an error leaves paintings
    half changed; see engine.painting.recovery.BeforeStep.
    """
    began = time.perf_counter() if began is None else began
    states = [
        painting.snapshot() if painting.iteration % SNAPSHOT_EVERY == 0 else None
        for painting in paintings
    ]
    for painting in paintings:
        painting.begin()
    lags = [_lag(painting) for painting in paintings]
    graph = graph_of(paintings)
    iterated = None if graph is None else graph.replay(paintings)
    if iterated is not None:
        names = [loss_names(painting) for painting in paintings]
        unread = _unread(paintings, befores, states, iterated, names)
        for painting in paintings:
            painting.replayed()
    else:
        iterated, names = _measured(paintings)
        unread = _unread(paintings, befores, states, iterated, names)
        for painting, lag, each in zip(paintings, lags, unread, strict=True):
            if lag:
                painting.update(each.finite)
            elif each.outcome.is_finite():
                painting.update()
        if graph is not None:
            graph.check(paintings, iterated)
    images = list(iterated.pictures)
    # Nothing can fail from here on.
    seconds = (time.perf_counter() - began) / len(paintings)
    outcomes: list[Iterate | Unread] = []
    for painting, lag, each, image in zip(paintings, lags, unread, images, strict=True):
        painting.late.add(each)
        at_end = painting.iteration >= painting.recipe.iterations
        failed = settle(painting, 0 if at_end else lag)
        if failed is not None:
            outcomes.append(failed)
            continue
        painting.widest = max(painting.widest, len(paintings))
        painting.seconds += seconds
        read, shown = each.outcome.losses, painting.shown_size
        outcomes.append(
            Iterate(
                each.iteration,
                image,
                read,
                painting.seconds,
                painting.compose,
                shown,
                painting.recipe.iterations,
            )
        )
    return outcomes


def settle(painting: Painting, lag: int = 0) -> Unread | None:
    """Read the losses of all iterations but the last ``lag``.

    Returns the first iteration whose numbers are not finite: the painting has to go back.
    """
    while (unread := painting.late.take(lag)) is not None:
        if not unread.outcome.is_finite():
            return unread
        if unread.state is not None:
            unread.state["losses"] = painting.losses  # they were not known when it was taken
        painting.losses = unread.outcome.losses()
        painting.recovery.stepped(unread.iteration + 1, unread.state)
    return None


def _lag(painting: Painting) -> int:
    """How many iterations may be started before the losses of one are read."""
    # With more passes, what it does next depends on the iterations before.
    if painting.recovery.passes > 1 or painting.latent.z.numel() > late.LARGEST:
        return 0
    return late.LAG.get(painting.latent.z.device.type, 0)


def _measured(paintings: Sequence[Painting]) -> tuple[Iterated, list[list[str]]]:
    """The next iteration, except for the update, and the names of each painting's losses."""
    measured = measure(paintings)
    finite = [
        painting.late.still_finite(flag)
        for painting, flag in zip(paintings, measured.finite, strict=True)
    ]
    iterated = Iterated(measured.pictures, measured.numbers(finite), finite)
    return iterated, [list(losses) for losses in measured.losses]


def _unread(
    paintings: Sequence[Painting],
    befores: Sequence[BeforeStep],
    states: Sequence[dict[str, Any] | None],
    iterated: Iterated,
    names: Sequence[Sequence[str]],
) -> list[Unread]:
    """Of each painting its flag, its total and its losses by ``names``; all are read at once."""
    rows = [("total", *each) for each in names]
    ends = list(accumulate(1 + len(row) for row in rows))
    coming = Numbers(iterated.numbers)
    return [
        Unread(
            painting.iteration,
            iterated.finite[i],
            Outcome(coming, slice(ends[i] - 1 - len(rows[i]), ends[i]), rows[i]),
            befores[i].restore,
            states[i],
        )
        for i, painting in enumerate(paintings)
    ]
