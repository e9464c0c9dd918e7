"""One step of an optimiser, as all of the models take it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training.common.data_parallel import mean_gradients


def step_down(model: nn.Module, optimiser: torch.optim.Optimizer, loss: Tensor,
              rate: float) -> None:
    """Let ``optimiser`` take ``model`` down ``loss`` at the learning rate ``rate``.

    The gradients are the mean of all processes' that train it, and no longer than 1 (L2).
    """
    for group in optimiser.param_groups:
        group["lr"] = rate
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    mean_gradients(model)
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()
