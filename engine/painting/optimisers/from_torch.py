"""PyTorch's optimisers, with its defaults."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from engine.painting.optimisers.base import Optimiser

_CLASSES = {
    "adagrad": "Adagrad",
    "adamax": "Adamax",
    "adamw": "AdamW",
    "nadam": "NAdam",
    "radam": "RAdam",
    "rmsprop": "RMSprop",
    "sgd": "SGD",
}


class TorchOptimiser(Optimiser):
    """An optimiser of ``torch.optim`` for one tensor; raises KeyError for an unknown name."""

    def __init__(
        self, name: str, parameter: Tensor, rate: float, betas: tuple[float, float]
    ) -> None:
        super().__init__(parameter, rate)
        make = getattr(torch.optim, _CLASSES[name])
        takes = inspect.signature(make).parameters
        settings: dict[str, Any] = {"betas": betas} if "betas" in takes else {}
        if name == "sgd":
            settings["momentum"] = betas[0]
        self._inner = make([parameter], lr=rate, foreach=False, **settings)

    def step(self) -> None:
        """See :class:`Optimiser`."""
        self._inner.param_groups[0]["lr"] = self.rate
        self._inner.step()

    @property
    def _state(self) -> dict[str, Any]:
        """What it keeps; most optimisers make it in their first step."""
        state: dict[str, Any] = self._inner.state[self.parameter]
        return state

    def moments(self) -> list[Tensor]:
        """See :class:`Optimiser`."""
        shape = self.parameter.shape
        return [
            value
            for value in self._state.values()
            if isinstance(value, Tensor) and value.shape == shape
        ]

    def undo(self) -> Callable[[], None]:
        """See :class:`Optimiser`."""
        before = self.state_dict()

        def restore() -> None:
            self._state.clear()
            self._state.update(before)

        return restore

    def state_dict(self) -> dict[str, Any]:
        """A copy of what it keeps."""
        return {
            name: value.clone() if isinstance(value, Tensor) else value
            for name, value in self._state.items()
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a :meth:`state_dict`."""
        shape, device = self.parameter.shape, self.parameter.device
        self._state.clear()
        for name, value in state.items():
            if not isinstance(value, Tensor):
                self._state[name] = value
            elif value.shape == shape:
                self._state[name] = value.to(device).clone()
            else:  # PyTorch keeps the number of steps on the CPU
                self._state[name] = value.cpu().clone()
