"""What an iteration measures: the pictures, their losses, and the gradients of the latents.

Everything here is a function of what a painting gives out, so an iteration of paintings and one of
their stand-ins with fixed buffers (engine.painting.graphs) are the same operations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from engine.models import Generator, Member
from engine.painting.cutouts import Cutouts, cut_each, draw_cutouts_of_each, in_regions
from engine.painting.footprint import cutout_side
from engine.painting.latent import Latent
from engine.painting.looking import SharedCutouts, look_in_parts
from engine.painting.losses import clamp_with_gradient, regulariser_loss
from engine.painting.losses.chosen import PictureTerm
from engine.painting.targets import Pull, regions_of, terms_of
from engine.painting.tiles import rolled
from engine.random_numbers import Draws
from engine.request.recipe import Augmentation, Recipe


class Measurable(Protocol):
    """What is read of a painting; Synthesis is one."""

    generator: Generator
    recipe: Recipe
    latent: Latent
    anchor: Tensor | None
    iteration: int
    picture_losses: Mapping[str, PictureTerm]

    @property
    def augmentation(self) -> Augmentation:
        """How cutouts are taken at this iteration."""

    @property
    def guides(self) -> tuple[Member, ...]:
        """The perceptors that guide at this iteration."""

    @property
    def passes(self) -> int:
        """In how many passes the cutouts are looked at."""

    @property
    def recomputes(self) -> bool:
        """Whether it decodes in less memory."""

    @property
    def alpha(self) -> float | Tensor:
        """The regulariser's weight at this iteration, for z as it is; 0.0 without one."""

    @property
    def restores(self) -> bool:
        """Whether :meth:`restored` changes a picture."""

    def pulls(self) -> Sequence[Pull]:
        """What pulls at this iteration."""

    def draws(self) -> Draws:
        """The random numbers of this iteration."""

    def masked(self, zq: Tensor) -> Tensor:
        """zq [1, D, h, w], as it was where it cannot change."""

    def restored(self, picture: Tensor) -> Tensor:
        """The picture [1, 3, H, W], as it was where it cannot change."""


@dataclass(frozen=True)
class Measured:
    """What an iteration of B paintings measured.

    ``pictures`` [B, 3, H, W] in 0..1 have no gradient. Of each painting, ``total`` is the loss,
    ``losses`` are its parts by name, and ``finite`` says on the device whether the loss and the
    gradient of z are.
    """

    pictures: Tensor
    totals: Sequence[Tensor]
    losses: Sequence[Mapping[str, Tensor]]
    finite: Sequence[Tensor]

    def numbers(self, finite: Sequence[Tensor]) -> Tensor:
        """Each painting's row, one after the other: its flag in ``finite``, total and losses."""
        rows = [
            [flag.to(total.dtype), total, *losses.values()]
            for flag, total, losses in zip(finite, self.totals, self.losses, strict=True)
        ]
        return torch.stack([x.detach() for row in rows for x in row])


def measure(paintings: Sequence[Measurable]) -> Measured:
    """Decode each painting, measure its losses, and leave the gradient in ``latent.z.grad``.

    All have the same networks, size and cutouts (see engine.painting.batch), and one pass each
    unless there is only one painting.
    """
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
    finite = [_flag(painting, total) for painting, total in zip(paintings, totals, strict=True)]
    return Measured(pictures.detach(), totals, named, finite)


def loss_names(painting: Measurable) -> list[str]:
    """The names of the losses that :func:`measure` gives."""
    of_latent = ["regulariser"] if painting.alpha else []
    pulling = (pull.target.name for pull in painting.pulls())
    return list(dict.fromkeys([*pulling, *of_latent, *painting.picture_losses]))


def _pictures(paintings: Sequence[Measurable]) -> Tensor:
    """The pictures [B, 3, H, W] in 0..1 that the latents show now."""
    zq = [painting.masked(painting.latent(painting.draws())) for painting in paintings]
    generator = paintings[0].generator
    less = paintings[0].recomputes
    decode = generator.decode_in_less_memory if less else generator.decode
    pictures = clamp_with_gradient(decode(_joined(zq)))
    if not any(painting.restores for painting in paintings):
        return pictures
    parts = zip(paintings, _each(pictures), strict=True)
    return _joined([painting.restored(picture) for painting, picture in parts])


def _seen(paintings: Sequence[Measurable], pictures: Tensor) -> Tensor:
    """The pictures [B, 3, H, W] of which cutouts are taken: tiles from another place each time."""
    if not any(painting.recipe.tile for painting in paintings):
        return pictures
    parts = zip(paintings, _each(pictures), strict=True)
    return _joined([rolled(x, p.draws()) if p.recipe.tile else x for p, x in parts])


def _losses_of_cutouts(
    paintings: Sequence[Measurable], pictures: Tensor
) -> tuple[list[list[str]], list[list[Tensor]], Tensor | None]:
    """Names and values of each painting's losses; in parts also the pictures' gradient."""
    first = paintings[0]
    members, augmentation = first.guides, first.augmentation
    terms = [terms_of(painting.pulls(), len(members)) for painting in paintings]
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
    if len(members) > 1 or first.passes > 1:
        return names, *look_in_parts(pictures, shared, functions, first.passes)
    (only,) = shared
    images = members[0].perceptor.encode_image(cut_each(pictures, only.cutouts, only.side))
    seen = [images] if len(paintings) == 1 else images.split(augmentation.count)
    losses_of = [
        [term(each, numbers) for term in of_painting]
        for each, numbers, (of_painting,) in zip(seen, only.cutouts, functions, strict=True)
    ]
    return names, losses_of, None


def _cutouts(
    paintings: Sequence[Measurable], augmentation: Augmentation, side: int
) -> list[Cutouts]:
    """The random numbers of each painting's cutouts, ``side`` px wide."""
    size = paintings[0].recipe.width, paintings[0].recipe.height
    drawn = draw_cutouts_of_each(augmentation, *size, side, [each.draws() for each in paintings])
    return [
        in_regions(
            numbers,
            regions_of(each.pulls()),
            *(augmentation, size, side, each.draws(), each.iteration),
        )
        for each, numbers in zip(paintings, drawn, strict=True)
    ]


def _own_losses(painting: Measurable, picture: Tensor) -> dict[str, Tensor]:
    """The losses of the latent and of the picture [1, 3, H, W], not of its cutouts."""
    own: dict[str, Tensor] = {}
    alpha = painting.alpha
    if isinstance(alpha, Tensor) or alpha:
        own["regulariser"] = regulariser_loss(painting.latent.z, painting.anchor, alpha)
    return own | {name: loss(picture) for name, loss in painting.picture_losses.items()}


def _added_up(
    names: Sequence[str], losses: Sequence[Tensor], own: dict[str, Tensor]
) -> dict[str, Tensor]:
    """The losses by name; those of the same prompt are added up."""
    named: dict[str, Tensor] = {}
    for name, loss in zip(names, losses, strict=True):
        named[name] = named[name] + loss if name in named else loss
    return named | own


def _flag(painting: Measurable, total: Tensor) -> Tensor:
    """Whether the loss and the gradient are finite."""
    gradient = painting.latent.z.grad
    assert gradient is not None
    return total.isfinite() & gradient.isfinite().all()


def _joined(parts: Sequence[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(list(parts))


def _each(batch: Tensor) -> Sequence[Tensor]:
    return [batch] if len(batch) == 1 else batch.split(1)
