"""What a painting is pulled towards: its prompts, and the structure of the picture that it edits.

Each perceptor has a space of its own, so a target has a vector for each of them. A new kind of
target is a subclass of :class:`Target` and a function that makes it from the perceptors; the step
(engine.painting.step) knows only the terms.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from engine.models import Join, Member, Perceptor
from engine.painting.cutouts import Cutouts, Region, cut, plain_cutouts
from engine.painting.losses import aesthetic_loss, prompt_loss, structure_loss
from engine.painting.losses.aesthetic import AestheticHead
from engine.painting.losses.cutouts import DISTANCES
from engine.request.prompt import Prompt
from engine.request.story import Story

Term = Callable[[Tensor, Cutouts], Tensor]
"""From vectors [N, D] of cutouts and the cutouts' numbers to a scalar, a mean over the cutouts.

When memory is short, it is called for a few of an iteration's cutouts at a time.
"""

# Losses other than the prompts'; a prompt with such a name is quoted.
_OTHER_LOSSES = (
    *("total", "structure", "regulariser", "smoothness"),
    *("saturation", "symmetry", "palette", "edge", "aesthetic", "variation"),
)


@dataclass(frozen=True)
class Target(ABC):
    """One thing that the cutouts should match; with a negative weight, should not match.

    ``name`` is its loss's; ``vectors`` has its unit vector [D] for each perceptor, or those of a
    picture's cutouts [M, D]; an empty one for a perceptor that it means nothing to. With
    ``shared``, the recipe's addition "mean" divides its weight by the sum of all shared weights. It
    pulls only in ``region``, if it has one.
    """

    shared: ClassVar[bool] = True

    name: str
    vectors: tuple[Tensor, ...]
    weight: float
    region: Region | None = field(default=None, kw_only=True)

    def weight_at(self, iteration: int) -> float:
        """The weight at ``iteration``; where it is 0, the target is left out."""
        del iteration
        return self.weight

    def loss_in_region(
        self,
        images: Tensor,
        cutouts: Cutouts,
        vector: Tensor,
        weight: float | Tensor,
        stop: float | Tensor,
    ) -> Tensor:
        """The :meth:`loss` of the cutouts of its region."""
        if not len(vector):
            return images.new_zeros(())
        if cutouts.views is None:
            return self.loss(images, vector, weight, stop)
        own, share = cutouts.views.found(self.region)
        if not own.stop:
            return images.new_zeros(())
        return self.loss(images[own], vector, weight, stop) * share

    def stop_at(self, cosine: float) -> float:
        """The distance below which it no longer pulls, if a ``cosine`` is enough."""
        del cosine
        return -math.inf

    @abstractmethod
    def loss(
        self, images: Tensor, vector: Tensor, weight: float | Tensor, stop: float | Tensor
    ) -> Tensor:
        """``weight`` times the distance of cutouts' vectors [N, D] from ``vector``, their mean.

        Cutouts nearer than ``stop`` are not pulled.
        """


@dataclass(frozen=True)
class PromptTarget(Target):
    """The words of a prompt, or a picture or noise in their place.

    They stop pulling below the distance ``stop``; ``distance`` is one of
    engine.request.method.optimising.DISTANCES. The words of a ``story`` pull in its part ``part``.
    """

    stop: float = -math.inf
    distance: str = "spherical"
    story: Story | None = None
    part: int | None = None

    def weight_at(self, iteration: int) -> float:
        """The weight at ``iteration`` of the story."""
        if self.story is None or self.part is None:
            return self.weight
        return self.weight * self.story.share(self.part, iteration)

    def stop_at(self, cosine: float) -> float:
        """The larger one of ``stop`` and the distance of vectors with that ``cosine``."""
        if cosine >= 1 or self.weight <= 0:
            return self.stop
        u = torch.tensor([cosine, math.sqrt(1 - cosine**2)])
        return max(self.stop, DISTANCES[self.distance](u, torch.tensor([1.0, 0.0])).item())

    def loss(
        self, images: Tensor, vector: Tensor, weight: float | Tensor, stop: float | Tensor
    ) -> Tensor:
        """Crowson's loss (engine.painting.losses)."""
        return prompt_loss(images, vector, weight, stop, self.distance)


@dataclass(frozen=True)
class StructureTarget(Target):
    """The edited picture itself, whose structure is preserved (paper, H.2)."""

    shared: ClassVar[bool] = False

    def loss(
        self, images: Tensor, vector: Tensor, weight: float | Tensor, stop: float | Tensor
    ) -> Tensor:
        """The term of appendix H.2 (engine.painting.losses)."""
        del stop
        return structure_loss(images, vector, weight)


@dataclass(frozen=True)
class AestheticTarget(Target):
    """The best rating by an aesthetic head, whose weights are the vectors."""

    shared: ClassVar[bool] = False

    bias: float = 0.0

    def loss(
        self, images: Tensor, vector: Tensor, weight: float | Tensor, stop: float | Tensor
    ) -> Tensor:
        """See engine.painting.losses.aesthetic_loss."""
        del stop
        return aesthetic_loss(images, vector, self.bias, weight)


class Share(NamedTuple):
    """What a perceptor has of a target's pull.

    ``weight`` times the target's, ``after`` this share of the iterations, down to the distance
    ``stop``.
    """

    weight: float
    after: float
    stop: float


@dataclass(frozen=True)
class Targets:
    """All that a painting is pulled towards.

    ``addition`` is the recipe's; ``places`` are those of the members of the perceptor that guide.
    ``shares`` has each target's for each of these members.
    """

    targets: tuple[Target, ...]
    addition: str
    places: tuple[int, ...]
    shares: tuple[tuple[Share, ...], ...]

    @classmethod
    def of(
        cls,
        targets: Sequence[Target],
        addition: str,
        members: Sequence[Member],
        *,
        from_nothing: bool = False,
    ) -> Targets:
        """``targets`` with a vector for each of ``members``, without those they mean nothing to.

        In a painting ``from_nothing``, words may join later (``Perceptor.joins``), unless nothing
        pulled until then.
        """
        meant = [i for i in range(len(members)) if any(len(each.vectors[i]) for each in targets)]
        chosen = meant or range(len(members))
        joins = tuple(
            tuple(
                members[i].perceptor.joins(each.vectors[i]) if len(each.vectors[i]) else Join()
                for i in chosen
            )
            for each in targets
        )
        leads = any(
            len(each.vectors[i]) and not join.after
            for each, own in zip(targets, joins, strict=True)
            for i, join in zip(chosen, own, strict=True)
            if each.weight > 0
        )
        if not (from_nothing and leads):
            joins = ((Join(),) * len(chosen),) * len(targets)
        return cls(
            tuple(
                replace(each, vectors=tuple(each.vectors[i] for i in chosen)) for each in targets
            ),
            addition,
            tuple(chosen),
            tuple(
                tuple(
                    Share(members[i].weight * join.times, join.after, each.stop_at(join.enough))
                    for i, join in zip(chosen, own, strict=True)
                )
                for each, own in zip(targets, joins, strict=True)
            ),
        )

    def guides(self, perceptor: Perceptor) -> tuple[Member, ...]:
        """The members of ``perceptor`` that guide."""
        return tuple(perceptor.members[i] for i in self.places)

    def pulls(self, iteration: int, is_past: Callable[[float], bool]) -> list[Pull]:
        """What pulls at ``iteration``, and how much.

        ``is_past`` tells whether a share of the iterations is done. What joins later has a weight
        of 0 until then, so that the losses keep their names.
        """
        active = self._active(iteration)
        part = 1.0
        if self.addition == "mean":
            total = sum(abs(weight) for each, weight, _ in active if each.shared)
            part = 1 / total if total else 1.0
        return [
            Pull(
                each,
                tuple(
                    weight * (part if each.shared else 1.0) * share.weight
                    if is_past(share.after)
                    else 0.0
                    for share in shares
                ),
                tuple(share.stop for share in shares),
            )
            for each, weight, shares in active
        ]

    def _active(self, iteration: int) -> list[tuple[Target, float, tuple[Share, ...]]]:
        """The targets that pull at ``iteration``, with their weights; all if none does."""
        weighted = [
            (each, each.weight_at(iteration), shares)
            for each, shares in zip(self.targets, self.shares, strict=True)
        ]
        return [each for each in weighted if each[1]] or weighted


@dataclass(frozen=True)
class Pull:
    """A ``target`` at an iteration, with its weight and its stop for each perceptor that guides."""

    target: Target
    weights: tuple[float | Tensor, ...]
    stops: tuple[float | Tensor, ...]


def regions_of(pulls: Sequence[Pull]) -> tuple[Region | None, ...]:
    """The regions in which something pulls; None is the whole picture."""
    return tuple(dict.fromkeys(each.target.region for each in pulls))


def terms_of(pulls: Sequence[Pull], perceptors: int) -> tuple[list[str], list[list[Term]]]:
    """The names of the losses, and in that order the terms of each of so many ``perceptors``.

    The losses of equal names are added up, and the gradients of all perceptors too.
    """
    terms: list[list[Term]] = [
        [
            partial(
                each.target.loss_in_region,
                vector=each.target.vectors[i],
                weight=each.weights[i],
                stop=each.stops[i],
            )
            for each in pulls
        ]
        for i in range(perceptors)
    ]
    return [each.target.name for each in pulls], terms


def seen_whole(perceptor: Perceptor, picture: Tensor) -> Tensor:
    """The vector [1, D] of a picture [1, 3, H, W] in 0..1, as a whole."""
    return perceptor.encode_image(cut(picture, plain_cutouts(), perceptor.resolution))


@torch.no_grad()
def prompt_targets(
    members: Sequence[Member],
    prompts: Sequence[Prompt],
    distance: str = "spherical",
    story: Story | None = None,
    regions: Mapping[str, Region] = MappingProxyType({}),
) -> list[Target]:
    """A target for each of ``prompts``; ``distance`` and ``story`` are the recipe's.

    ``regions`` has those that the prompts name.
    """
    if not prompts:  # pictures pull alone
        return []
    words = [prompt.words for prompt in prompts]
    vectors = zip(*(member.perceptor.encode_text(words) for member in members), strict=True)
    return [
        PromptTarget(
            loss_name(str(prompt)),
            tuple(vector if vector.any() else vector[:0] for vector in each),
            prompt.weight,
            prompt.stop,
            distance,
            story,
            prompt.part,
            region=None if prompt.region is None else regions[prompt.region],
        )
        for prompt, each in zip(prompts, vectors, strict=True)
    ]


def vectors_of(
    members: Sequence[Member], encode: Callable[[Perceptor], Tensor]
) -> tuple[Tensor, ...]:
    """The vectors of a target that has no words: none for those that know only words."""
    return tuple(
        torch.empty(0, device=each.device) if each.only_words else encode(each)
        for each, _ in members
    )


@torch.no_grad()
def structure_target(members: Sequence[Member], original: Tensor, weight: float) -> Target:
    """The target that preserves the structure of ``original`` [1, 3, H, W] in 0..1."""
    vectors = vectors_of(members, lambda perceptor: seen_whole(perceptor, original)[0])
    return StructureTarget("structure", vectors, weight)


def aesthetic_target(members: Sequence[Member], head: AestheticHead, weight: float) -> Target:
    """The target of the best rating by ``head``, for the members that it fits."""
    vectors = tuple(head.vector(member.perceptor) for member in members)
    return AestheticTarget("aesthetic", vectors, weight, head.bias)


def loss_name(text: str) -> str:
    """``text`` as the name of its loss, in quotes if another loss is called that."""
    return f'"{text}"' if text in _OTHER_LOSSES else text
