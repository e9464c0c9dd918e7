"""One iteration of a painting, or the same for several paintings of one shape at once.

The networks see all of them in one pass; latents, masks, losses, optimisers and random numbers
are each painting's own. A single painting takes the same way as several.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from engine.painting import late
from engine.painting.cutouts import Cutouts, cut_each, draw_cutouts_of_each, in_regions
from engine.painting.footprint import cutout_side
from engine.painting.iterate import Iterate
from engine.painting.late import Numbers, Outcome, Unread
from engine.painting.looking import SharedCutouts, look_in_parts
from engine.painting.losses import clamp_with_gradient, regulariser_loss
from engine.painting.losses.chosen import PictureTerm
from engine.painting.recovery import (
    SNAPSHOT_EVERY,
    BeforeStep,
    Recoverable,
    Recovery,
)
from engine.painting.targets import Targets
from engine.painting.tiles import rolled
from engine.random_numbers import Draws
from engine.request.recipe import Augmentation

if TYPE_CHECKING:
    from PIL import Image


class Painting(Recoverable, Protocol):
    """What a step reads and changes of a painting; Synthesis is one."""

    recovery: Recovery
    picture_losses: Mapping[str, PictureTerm]
    widest: int

    @property
    def targets(self) -> Targets:
        """What it is pulled towards at this iteration."""

    @property
    def restores(self) -> bool:
        """Whether :meth:`restored` changes a picture."""

    @property
    def shown_size(self) -> tuple[int, int] | None:
        """The size in which all iterates are shown; None for their own."""

    @property
    def unit(self) -> float:
        """The unit of steps and of the regulariser."""

    def draws(self) -> Draws:
        """The random numbers of this iteration."""

    def masked(self, zq: Tensor) -> Tensor:
        """zq [1, D, h, w], as it was where it cannot change."""

    def restored(self, picture: Tensor) -> Tensor:
        """The picture [1, 3, H, W], as it was where it cannot change."""

    def begin(self) -> None:
        """Do what the recipe says before this iteration: move, or start the optimiser again."""

    def update(self, finite: Tensor | None = None) -> None:
        """Update the latent once with its gradient; not if ``finite``, on the device, is false."""

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
    pictures = _pictures(paintings)
    seen = _seen(paintings, pictures)
    names, losses, gradient = _losses_of_cutouts(paintings, seen)
    own = [
        _own_losses(painting, picture)
        for painting, picture in zip(paintings, _each(pictures), strict=True)
    ]
    totals = [
        torch.stack([*of_cutouts, *others.values()]).sum()
        for of_cutouts, others in zip(losses, own, strict=True)
    ]
    for painting in paintings:
        painting.latent.z.grad = None
    if gradient is None:
        (totals[0] if len(totals) == 1 else torch.stack(totals).sum()).backward()
    else:
        others = [loss for each in own for loss in each.values()]
        torch.autograd.backward([seen, *others], [gradient, *(None for _ in others)])
    named = [_added_up(*each) for each in zip(names, losses, own, strict=True)]
    finite = [
        painting.late.still_finite(_flag(painting, total))
        for painting, total in zip(paintings, totals, strict=True)
    ]
    unread = _unread(paintings, befores, states, finite, totals, named)
    images = list(pictures.detach())
    lags = [_lag(painting) for painting in paintings]
    for painting, lag, each in zip(paintings, lags, unread, strict=True):
        if lag:
            painting.update(each.finite)
        elif each.outcome.is_finite():
            painting.update()
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


def _pictures(paintings: Sequence[Painting]) -> Tensor:
    """The pictures [B, 3, H, W] in 0..1 that the latents show now."""
    for painting in paintings:
        painting.begin()
    zq = [painting.masked(painting.latent(painting.draws())) for painting in paintings]
    generator = paintings[0].generator
    less = paintings[0].recovery.recompute
    decode = generator.decode_in_less_memory if less else generator.decode
    pictures = clamp_with_gradient(decode(_joined(zq)))
    if not any(painting.restores for painting in paintings):
        return pictures
    parts = zip(paintings, _each(pictures), strict=True)
    return _joined([painting.restored(picture) for painting, picture in parts])


def _seen(paintings: Sequence[Painting], pictures: Tensor) -> Tensor:
    """The pictures [B, 3, H, W] of which cutouts are taken: tiles from another place each time."""
    if not any(painting.recipe.tile for painting in paintings):
        return pictures
    parts = zip(paintings, _each(pictures), strict=True)
    return _joined([rolled(x, p.draws()) if p.recipe.tile else x for p, x in parts])


def _losses_of_cutouts(
    paintings: Sequence[Painting], pictures: Tensor
) -> tuple[list[list[str]], list[list[Tensor]], Tensor | None]:
    """Names and values of each painting's losses; in parts also the pictures' gradient."""
    first = paintings[0]
    members, recipe = first.targets.guides(first.perceptor), first.recipe
    augmentation = recipe.augmentation_at(first.iteration)
    terms = [painting.targets.terms(painting.iteration) for painting in paintings]
    names, functions = [each for each, _ in terms], [each for _, each in terms]
    sides = [cutout_side(augmentation, member.perceptor) for member in members]
    shared = [
        SharedCutouts(
            side,
            _cutouts(paintings, augmentation, side),
            [(i, member.perceptor) for i, member in enumerate(members) if sides[i] == side],
        )
        for side in dict.fromkeys(sides)
    ]
    if len(members) > 1 or first.recovery.passes > 1:
        return names, *look_in_parts(pictures, shared, functions, first.recovery.passes)
    (only,) = shared
    images = members[0].perceptor.encode_image(cut_each(pictures, only.cutouts, only.side))
    seen = [images] if len(paintings) == 1 else images.split(augmentation.count)
    losses_of = [
        [term(each, numbers) for term in of_painting]
        for each, numbers, (of_painting,) in zip(seen, only.cutouts, functions, strict=True)
    ]
    return names, losses_of, None


def _cutouts(paintings: Sequence[Painting], augmentation: Augmentation, side: int) -> list[Cutouts]:
    """The random numbers of each painting's cutouts, ``side`` px wide."""
    size = paintings[0].recipe.width, paintings[0].recipe.height
    drawn = draw_cutouts_of_each(augmentation, *size, side, [each.draws() for each in paintings])
    return [
        in_regions(
            numbers,
            each.targets.regions(each.iteration),
            *(augmentation, size, side, each.draws(), each.iteration),
        )
        for each, numbers in zip(paintings, drawn, strict=True)
    ]


def _own_losses(painting: Painting, picture: Tensor) -> dict[str, Tensor]:
    """The losses of the latent and of the picture [1, 3, H, W], not of its cutouts."""
    own: dict[str, Tensor] = {}
    recipe, now = painting.recipe, painting.iteration
    alpha = recipe.regulariser.alpha(now, recipe.known_iterations(now))
    if alpha:
        own["regulariser"] = regulariser_loss(
            painting.latent.z, painting.anchor, alpha / painting.unit**2
        )
    return own | {name: loss(picture) for name, loss in painting.picture_losses.items()}


def _added_up(
    names: Sequence[str], losses: Sequence[Tensor], own: dict[str, Tensor]
) -> dict[str, Tensor]:
    """The losses by name; those of the same prompt are added up."""
    named: dict[str, Tensor] = {}
    for name, loss in zip(names, losses, strict=True):
        named[name] = named[name] + loss if name in named else loss
    return named | own


def _flag(painting: Painting, total: Tensor) -> Tensor:
    """Whether the loss and the gradient are finite."""
    gradient = painting.latent.z.grad
    assert gradient is not None
    return total.isfinite() & gradient.isfinite().all()


def _unread(
    paintings: Sequence[Painting],
    befores: Sequence[BeforeStep],
    states: Sequence[dict[str, Any] | None],
    finite: Sequence[Tensor],
    totals: Sequence[Tensor],
    named: Sequence[dict[str, Tensor]],
) -> list[Unread]:
    """Of each painting its flag, its total and its losses; they are all read at once."""
    rows = [
        [flag.to(total.dtype), total, *losses.values()]
        for flag, total, losses in zip(finite, totals, named, strict=True)
    ]
    numbers = Numbers(torch.stack([x.detach() for row in rows for x in row]))
    ends = list(accumulate(len(row) for row in rows))
    return [
        Unread(
            painting.iteration,
            finite[i],
            Outcome(numbers, slice(ends[i] - len(rows[i]), ends[i]), ("total", *named[i])),
            befores[i].restore,
            states[i],
        )
        for i, painting in enumerate(paintings)
    ]


def _joined(parts: Sequence[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(list(parts))


def _each(batch: Tensor) -> Sequence[Tensor]:
    return [batch] if len(batch) == 1 else batch.split(1)
