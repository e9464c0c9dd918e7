"""Steering a painting: other words from an iteration on, and parts that stay as they are.

What it does to numbers of the recipe is in engine.request.steered. Everything here depends on the
iteration and the painting's state alone, so a painting that is steered while it is painted, and one
that knows its steering from the start, are the same, bit for bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Protocol

import torch
from torch import Tensor

from engine.errors import RequestError
from engine.models import Generator, Perceptor
from engine.painting.cutouts import Region
from engine.painting.latent import Latent
from engine.painting.losses import clamp_with_gradient
from engine.painting.masking import Mask, composite, make_mask
from engine.painting.self_masking import self_mask
from engine.painting.targets import Targets
from engine.request.prompt import Prompt
from engine.request.recipe import Recipe
from engine.request.steered import Steered


@dataclass(frozen=True)
class Nudge:
    """Other ``prompts`` from the iteration ``at`` on; ``regions`` has those that they name."""

    at: int
    prompts: tuple[Prompt, ...]
    regions: Mapping[str, Region]


@dataclass(frozen=True)
class Freeze:
    """From the iteration ``at`` on, the part ``where`` stays; or, with ``thaws``, it changes again.

    ``where`` is a region, a phrase whose place the perceptor finds then, or None for everything.
    """

    at: int
    where: Region | str | None
    thaws: bool = False


@dataclass(frozen=True)
class Changes:
    """All that steering changes, in order; ``steered`` has the numbers."""

    nudges: tuple[Nudge, ...] = ()
    freezes: tuple[Freeze, ...] = ()
    steered: Steered | None = None


@dataclass(frozen=True)
class Frozen:
    """The part of a painting that stays as it was.

    ``hard`` [1, 1, H, W] is 1 where the picture can change, else 0; ``pixels`` and ``tokens`` are
    those of a Mask for it. ``picture`` [1, 3, H, W] in 0..1, ``zq`` and ``z`` are what they were.
    """

    hard: Tensor
    pixels: Tensor
    tokens: Tensor
    picture: Tensor
    zq: Tensor
    z: Tensor

    def masked(self, zq: Tensor) -> Tensor:
        """``zq``, as it was where it stays."""
        return torch.where(self.tokens > 0, zq, self.zq)

    def restored(self, picture: Tensor) -> Tensor:
        """``picture`` [1, 3, H, W], as it was where it stays."""
        return composite(picture, self.picture, self.pixels)

    def state_dict(self) -> dict[str, Tensor]:
        """Its tensors by name; they are never changed."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


def frozen_from(state: Mapping[str, Tensor] | None, like: Tensor) -> Frozen | None:
    """The part that stays from a state_dict, on the device of ``like``; None without one."""
    if state is None:
        return None
    return Frozen(**{name: value.to(like.device) for name, value in state.items()})


class Steerable(Protocol):
    """What steering reads and changes of a painting; Synthesis is one."""

    generator: Generator
    perceptor: Perceptor
    recipe: Recipe
    latent: Latent
    mask: Mask | None
    frozen: Frozen | None
    iteration: int
    remarks: tuple[str, ...]

    def masked(self, zq: Tensor) -> Tensor:
        """zq, as it was where it cannot change."""

    def restored(self, picture: Tensor) -> Tensor:
        """The picture, as it was where it cannot change."""


@torch.no_grad()
def freeze(painting: Steerable, changes: Sequence[Freeze]) -> bool:
    """Make the ``changes`` of this iteration in order; whether more of the painting stays now.

    One that is not possible, as when a phrase is not found, is left out, and ``remarks`` says so.
    """
    zq = painting.masked(painting.latent.best())
    picture = painting.restored(clamp_with_gradient(painting.generator.decode(zq)))
    before, grew = painting.frozen, False
    hard = torch.ones_like(picture[:, :1]) if before is None else before.hard
    for each in changes:
        try:
            inside = _inside(painting, each.where, picture)
            wanted = torch.maximum(hard, inside) if each.thaws else hard * (1 - inside)
            changeable = wanted if painting.mask is None else wanted * painting.mask.hard
            if not changeable.any():
                raise RequestError(
                    "Freezing that would leave nothing to paint, so it was not frozen."
                )
        except RequestError as error:
            if error.message not in painting.remarks:
                painting.remarks += (error.message,)
            continue
        hard, grew = wanted, grew or not each.thaws
    z = painting.latent.z.detach().clone()
    if before is not None:
        # An optimiser with weight decay moved z where it had no gradient.
        z = torch.where(before.tokens > 0, z, before.z)
        painting.latent.z.copy_(z)
    painting.frozen = None
    if not hard.all():
        generator = painting.generator
        mask = make_mask(hard, picture, generator.factor, local=generator.local, exact=True)
        painting.frozen = Frozen(hard, mask.pixels, mask.tokens, picture, zq.detach().clone(), z)
    return grew


def _inside(painting: Steerable, where: Region | str | None, picture: Tensor) -> Tensor:
    """1 inside ``where`` and 0 elsewhere, [1, 1, H, W]; raises RequestError if it is not found."""
    if where is None:
        return torch.ones_like(picture[:, :1])
    if isinstance(where, str):
        shown = picture.to(painting.perceptor.mean)
        found = self_mask(shown, where, painting.perceptor, painting.recipe.masking).found
        return found.to(picture)
    inside = torch.zeros_like(picture[:, :1])
    left, top, right, bottom = where.bounds
    inside[..., top:bottom, left:right] = 1
    return inside if where.mask is None else inside * where.mask.to(inside)


def targets_at(nudges: Sequence[tuple[int, Targets]], iteration: int, first: Targets) -> Targets:
    """What the painting is pulled towards at ``iteration``; ``first`` before any nudge."""
    return next((targets for at, targets in reversed(nudges) if at <= iteration), first)
