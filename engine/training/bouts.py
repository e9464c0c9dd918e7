"""Paintings made side by side, by the loop itself, with weights that rest meanwhile.

What a painting comes to rest at is what the weights of that moment are fooled by; one that follows
weights on the move never gets there. So each is painted from its start to its end at once
(short runs, Nijkamp et al. 2019), and many in one batch, which takes half of the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from engine.cutouts import cut, draw_cutouts
from engine.losses import prompt_loss, smoothness_loss
from engine.synthesis import Synthesis
from engine.training.precision import bf16_where_fast


def paint_side_by_side(bouts: Sequence[Synthesis], see: Callable[[Tensor], Tensor],
                       cutouts: int, rng: torch.Generator) -> Iterator[Tensor]:
    """Step all of ``bouts`` until their recipe ends; the pictures [N, 3, H, W] before each step.

    They have one recipe and one generator. ``see`` gives cutouts' unit vectors; ``cutouts`` of each
    picture are looked at a step, where the recipe has more: a batch of many needs fewer of each.
    """
    recipe, generator = bouts[0].recipe, bouts[0].generator
    resolution = bouts[0].perceptor.resolution
    several = replace(recipe.augmentation, count=cutouts * len(bouts))
    for _ in range(recipe.iterations):
        with bf16_where_fast():
            decoded = generator.decode(torch.cat([bout.quantised() for bout in bouts])).float()
        pictures = torch.cat([bout.shown(each) for bout, each in zip(bouts, decoded.split(1),
                                                                     strict=True)])
        yield pictures.detach()
        numbers = draw_cutouts(several, recipe.width, recipe.height, resolution, rng)
        images = see(cut(pictures.repeat_interleave(cutouts, 0), numbers, resolution))
        losses = []
        for bout, own, picture in zip(bouts, images.split(cutouts), pictures.split(1),
                                      strict=True):
            losses += [prompt_loss(own, target, prompt.weight, prompt.stop)
                       for prompt, target in zip(bout.prompts, bout.targets, strict=True)]
            losses.append(smoothness_loss(picture, bout.smoothness))
            bout.latent.z.grad = None
        torch.stack(losses).sum().backward()
        for bout in bouts:
            bout.improve()
