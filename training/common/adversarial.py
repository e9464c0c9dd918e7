"""Pictures changed adversarially (Madry et al. 2018, with the L2 norm and one step).

A classifier that is also right about such pictures has gradients that look like things (Santurkar
et al. 2019): to change its answer, a picture has to change what it shows.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

_RANDOM_SHARE = 0.3  # of the distance, before the step: right at the picture the slope can be flat


def adversarial_pictures(
    pictures: Tensor, loss: Callable[[Tensor], Tensor], most: Tensor, rng: torch.Generator
) -> Tensor:
    """``pictures`` [N, 3, S, S] in 0..1, each changed so that ``loss`` of them all rises.

    How much is drawn for each, evenly from 0 to its own ``most`` [N] (L2 over all its numbers); the
    random start adds up to 0.3 of that. The random numbers are drawn where ``rng`` is, and the
    rest, on one device, may be elsewhere.
    """
    device = pictures.device
    distance = torch.rand(len(pictures), 1, 1, 1, generator=rng, device=rng.device).to(device)
    distance = distance * most.view(-1, 1, 1, 1)
    random = torch.randn(pictures.shape, generator=rng, device=rng.device).to(device)
    random = _unit(random) * distance * _RANDOM_SHARE
    start = (pictures + random).clamp(0, 1).requires_grad_(True)
    (gradient,) = torch.autograd.grad(loss(start), start)
    changed: Tensor = (pictures + random + _unit(gradient.float()) * distance).clamp(0, 1).detach()
    return changed


def _unit(vectors: Tensor) -> Tensor:
    return nn.functional.normalize(vectors.flatten(1)).view_as(vectors)
