"""Adam, as the paper uses it, in the few lines that one latent needs.

torch.optim's has the same arithmetic, but making one imports PyTorch's compiler: a second and
a half before the first preview. A test holds this one to torch's.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class Adam:
    """Kingma and Ba 2014, algorithm 1, for one tensor; ``rate`` is the step size alpha."""

    def __init__(self, parameter: Tensor, rate: float,
                 betas: tuple[float, float] = (0.9, 0.999), epsilon: float = 1e-8) -> None:
        self.parameter = parameter
        self.rate = rate
        self.betas = betas
        self.epsilon = epsilon
        self.steps = 0
        self.mean = torch.zeros_like(parameter)
        self.square = torch.zeros_like(parameter)

    @torch.no_grad()
    def step(self) -> None:
        """Move the parameter against its gradient; it must have one."""
        gradient = self.parameter.grad
        assert gradient is not None
        self.steps += 1
        first, second = self.betas
        self.mean.lerp_(gradient, 1 - first)
        self.square.mul_(second).addcmul_(gradient, gradient, value=1 - second)
        root = (self.square.sqrt() / (1 - second**self.steps) ** 0.5).add_(self.epsilon)
        self.parameter.addcdiv_(self.mean, root, value=-self.rate / (1 - first**self.steps))

    def state_dict(self) -> dict[str, Any]:
        """The moments and the number of steps, copied."""
        return {"steps": self.steps, "mean": self.mean.clone(), "square": self.square.clone()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a :meth:`state_dict`."""
        self.steps = int(state["steps"])
        self.mean.copy_(state["mean"])
        self.square.copy_(state["square"])
