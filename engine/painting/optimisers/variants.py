"""Variants of Adam that PyTorch does not have, and nerdyrodent's script has."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from engine.painting.optimisers.adam import Adam


class DiffGrad(Adam):
    """Adam with shorter steps where the gradient hardly changes (Dubey et al. 2019, equation 5).

    The step is multiplied by the sigmoid of the absolute change of the gradient, 0.5 to 1.
    """

    _MOMENTS = ("mean", "square", "before")

    def __init__(
        self, parameter: Tensor, rate: float, betas: tuple[float, float] = (0.9, 0.999)
    ) -> None:
        super().__init__(parameter, rate, betas)
        self.before = torch.zeros_like(parameter)

    def _move(self, gradient: Tensor, root: Tensor, length: float | Tensor) -> None:
        friction = (self.before - gradient).abs().sigmoid()
        self.before.copy_(gradient)
        self._take(self.mean * friction, root, length)

    def state_dict(self) -> dict[str, Any]:
        """Adam's, with the gradient before."""
        return {**super().state_dict(), "before": self.before.clone()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a :meth:`state_dict`."""
        super().load_state_dict(state)
        self.before.copy_(state["before"])


class AdamP(Adam):
    """Adam that does not move a scale-invariant parameter outwards (Heo et al. 2021, algorithm 2).

    If the gradient is as good as orthogonal to the parameter (a cosine below 0.1 / sqrt(size)), the
    step is projected onto what is orthogonal to the parameter.
    """

    _DELTA = 0.1

    def _move(self, gradient: Tensor, root: Tensor, length: float | Tensor) -> None:
        step, z = self.mean / root, self.parameter
        norm = z.norm()
        cosine = (
            (gradient * z).sum().abs() / (gradient.norm() + self.epsilon) / (norm + self.epsilon)
        )
        direction = z / (norm + self.epsilon)
        tangent = step - direction * (direction * step).sum()
        is_orthogonal = cosine < self._DELTA / math.sqrt(z.numel())
        chosen = torch.where(is_orthogonal, tangent, step)
        if isinstance(length, Tensor):
            self.parameter.sub_(chosen * length)
        else:
            self.parameter.sub_(chosen, alpha=length)
