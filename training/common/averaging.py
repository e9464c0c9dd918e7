"""An exponential moving average of a model's weights: what ships."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class WeightAverage:
    """Follows a model: average = decay * average + (1 - decay) * weights, each step.

    At first the decay is lower, (1 + step) / (10 + step), so that the random weights at the start
    are soon forgotten.
    """

    def __init__(self, model: nn.Module, decay: float = 0.998) -> None:
        self.decay = decay
        self.step = 0
        self.weights = {name: value.detach().clone() for name, value in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Take one step towards the model's current weights."""
        self.step += 1
        decay = min(self.decay, (1 + self.step) / (10 + self.step))
        for name, value in model.state_dict().items():
            if value.is_floating_point():
                self.weights[name].lerp_(value, 1 - decay)
            else:
                self.weights[name].copy_(value)

    def state_dict(self) -> dict[str, Tensor | int | dict[str, Tensor]]:
        """All that :meth:`load_state_dict` needs."""
        return {"step": self.step, "weights": self.weights}

    def load_state_dict(self, state: dict[str, object]) -> None:
        """Continue from a :meth:`state_dict`."""
        self.step = int(state["step"])  # type: ignore[call-overload]  # an int, as saved above
        weights = state["weights"]
        assert isinstance(weights, dict)
        for name, value in weights.items():
            self.weights[name].copy_(value)
