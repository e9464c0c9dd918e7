"""Choosing among random starts (FuseDream, Liu et al. 2021, section 3.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from engine.models import Generator, Perceptor
from engine.painting.cutouts import plain_cutouts
from engine.painting.losses import clamp_with_gradient
from engine.painting.targets import Targets, seen_whole, terms_of
from engine.random_numbers import Draws
from engine.request.recipe import Recipe


@torch.no_grad()
def best_start(
    generator: Generator, perceptor: Perceptor, recipe: Recipe, seed: int, targets: Targets
) -> Tensor:
    """The z [1, ...] that the recipe chooses among its random starts.

    The first of them is the one that the painting has otherwise. Their losses are those of
    ``targets`` for the whole picture.
    """
    _, terms = terms_of(targets.pulls(0, lambda share: not share), len(targets.places))
    whole = plain_cutouts()

    def loss(z: Tensor) -> Tensor:
        picture = clamp_with_gradient(generator.decode(z))
        losses = [
            term(seen, whole)
            for (member, _), of_member in zip(targets.guides(perceptor), terms, strict=True)
            for seen in [seen_whole(member, picture)]
            for term in of_member
        ]
        return torch.stack(losses).sum()

    draws = (Draws(seed, i, 0, generator.reference.device) for i in range(recipe.starts))
    candidates = (generator.random_latent(recipe.height, recipe.width, each) for each in draws)
    return best_of(candidates, loss, recipe.mixed, perceptor.scale)


def best_of(
    candidates: Iterable[Tensor], loss: Callable[[Tensor], Tensor], mixed: int, scale: float
) -> Tensor:
    """The z of ``candidates`` [1, ...] with the smallest ``loss``, or a mean of the ``mixed`` best.

    The mean is weighted by the softmax of -``scale`` times the losses. FuseDream's generate_basis
    keeps the best few, too; it then also optimises the weights, which we leave to z itself.
    """
    best: list[tuple[float, Tensor]] = []
    for z in candidates:
        best = sorted([*best, (float(loss(z)), z)], key=lambda each: each[0])[:mixed]
    if len(best) == 1:
        return best[0][1]
    weights = (torch.tensor([each for each, _ in best], dtype=torch.float64) * -scale).softmax(0)
    pairs = zip(weights.tolist(), best, strict=True)
    return torch.stack([z * weight for weight, (_, z) in pairs]).sum(dim=0)
