"""Variations: a painting that starts from a picture's latent, disturbed.

A start alone says little about the end: where words decide how a picture looks, another one is as
near to it as its variations are, however much of it begins again. So strong variations are also
pulled aside, towards a random direction of each perceptor, as by the authors' noise prompts
(engine.painting.noise_prompts), but only in the first half. The second half leaves what differs by
then, and brings the words back.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from engine.models import Generator, Member, Perceptor
from engine.painting.latent import Latent, new_latent
from engine.painting.targets import PromptTarget, vectors_of
from engine.random_numbers import Draws, Stream
from engine.request.recipe import Recipe
from engine.request.story import Story
from engine.request.variation import STRONG, SUBTLE

_ASIDE = 0.7
"""The weight of the random direction from STRONG on, where a prompt has 1."""


@torch.no_grad()
def vary(latent: Latent, generator: Generator, recipe: Recipe, draws: Draws) -> None:
    """Disturb a new ``latent`` by the recipe's ``vary``, with random numbers of ``draws``.

    If each element of z represents a square of the picture, ``vary`` is the share of the squares
    that begin again, as a new picture does (with the recipe's ``spread``). Mixing them with others
    would do nothing up to some amount and much beyond it, since a quantised z keeps its codes until
    another one is nearer. Other latents are :func:`mixed`. ``latent.initial`` stays the picture's.
    """
    initial, mean = latent.initial, generator.mean_latent()
    other = generator.random_latent(recipe.height, recipe.width, draws).to(initial)
    if generator.local:
        again = draws.uniform(Stream.VARIED, (1, 1, *initial.shape[-2:])).to(initial.device)
        fresh = mean + recipe.spread * (other - mean)
        z = torch.where(again < recipe.vary, fresh, initial)
    else:
        z = mixed(initial, other, mean, recipe.vary)
    latent.z.copy_(new_latent(generator, recipe, None, draws, chosen=z).z)
    latent.after_step()


def mixed(z: Tensor, other: Tensor, mean: Tensor, amount: float) -> Tensor:
    """Two latents [1, ...] mixed: ``amount`` 0 gives ``z``, 1 the ``other`` one.

    mean + sqrt(1 - amount^2) (z - mean) + amount (other - mean), which has the latents' variance at
    every amount, as the noise of diffusion models (Ho et al. 2020, equation 4).
    """
    return mean + math.sqrt(1 - amount**2) * (z - mean) + amount * (other - mean)


def pulls_aside(members: Sequence[Member], recipe: Recipe, draws: Draws) -> list[PromptTarget]:
    """What a variation by more than SUBTLE is also pulled towards, in its first half.

    The weight rises linearly from SUBTLE to STRONG. Subtle ones have none.
    """
    share = min(1.0, (recipe.vary - SUBTLE) / (STRONG - SUBTLE))
    if share <= 0:
        return []

    def direction(perceptor: Perceptor) -> Tensor:
        vector = draws.normal(Stream.ASIDE, (perceptor.width,))
        return torch.nn.functional.normalize(vector, dim=0).to(perceptor.mean)

    halves = Story(2, recipe.period or recipe.iterations)
    vectors = vectors_of(members, direction)
    return [PromptTarget("variation", vectors, _ASIDE * share, story=halves, part=0)]
