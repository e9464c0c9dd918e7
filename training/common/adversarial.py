"""Pictures moved against the perceptor (Madry et al. 2018, with the L2 norm and one step).

A classifier that is right of such pictures too has gradients that look like things (Santurkar
et al. 2019): to change its answer a picture has to change what it shows.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

_AT_RANDOM = 0.3  # of the way, before the step: the slope right at the picture can be a flat one


def move_against(pictures: Tensor, loss: Callable[[Tensor], Tensor], reach: Tensor,
                 rng: torch.Generator) -> Tensor:
    """``pictures`` [N, 3, S, S] in 0..1, each moved where ``loss`` of them all rises.

    How far is drawn for each, evenly from 0 to its own ``reach`` [N] (L2 over all of its numbers).
    """
    far = torch.rand(len(pictures), 1, 1, 1, generator=rng) * reach.view(-1, 1, 1, 1)
    stray = _unit(torch.randn(pictures.shape, generator=rng)) * far * _AT_RANDOM
    begun = (pictures + stray).clamp(0, 1).requires_grad_(True)
    (slope,) = torch.autograd.grad(loss(begun), begun)
    moved: Tensor = (pictures + stray + _unit(slope.float()) * far).clamp(0, 1).detach()
    return moved


def _unit(vectors: Tensor) -> Tensor:
    return nn.functional.normalize(vectors.flatten(1)).view_as(vectors)
