"""How an iteration changes a latent, given its gradient."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from engine.painting.average import MovingAverage
from engine.painting.latent import Latent
from engine.painting.masking import Mask
from engine.painting.optimisers import Optimiser
from engine.painting.steering import Frozen


class Updatable(Protocol):
    """What an update changes of a painting."""

    latent: Latent
    optimiser: Optimiser
    average: MovingAverage | None
    mask: Mask | None
    frozen: Frozen | None


def update_latent(
    painting: Updatable, finite: Tensor | None, numbers: tuple[Tensor, ...] = ()
) -> None:
    """Update z once, only inside the mask; not if ``finite``, on the device, is false.

    ``numbers`` are the optimiser's, if they are on the device; it then counts no step.
    """
    z = painting.latent.z
    before = None if finite is None else z.detach().clone()
    for part in (painting.mask, painting.frozen):
        if part is not None:
            assert z.grad is not None
            z.grad *= part.tokens
    if numbers:
        painting.optimiser.move(*numbers)
    else:
        painting.optimiser.step()
    painting.latent.after_step()
    if finite is not None and before is not None:
        with torch.no_grad():
            z.copy_(torch.where(finite, z, before))
    if painting.average is not None:
        painting.average.add(z)
