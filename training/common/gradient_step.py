"""One step of an optimiser, the same for all models."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training.common.data_parallel import average_gradients


def gradient_step(
    model: nn.Module, optimiser: torch.optim.Optimizer, loss: Tensor, rate: float
) -> None:
    """Let ``optimiser`` take ``model`` down ``loss`` at the learning rate ``rate``.

    A parameter group's ``times``, if it has one, multiplies its rate. The gradients are the
    mean over all processes that train the model, clipped to a length of 1 (L2).
    """
    for group in optimiser.param_groups:
        group["lr"] = rate * group.get("times", 1.0)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    average_gradients(model)
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()
