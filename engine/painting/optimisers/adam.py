"""Adam, as in the paper, reduced to what one latent needs.

torch.optim.Adam does the same arithmetic, but creating one imports PyTorch's compiler, which
delays the first preview by 1.5 s. A test compares this one with torch's.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from engine.painting import host
from engine.painting.optimisers.base import Optimiser


class Adam(Optimiser):
    """Adam for one tensor (Kingma and Ba 2014, algorithm 1); ``rate`` is the step size alpha."""

    _MOMENTS: ClassVar[tuple[str, ...]] = ("mean", "square")

    def __init__(
        self,
        parameter: Tensor,
        rate: float,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
    ) -> None:
        super().__init__(parameter, rate)
        self.betas = betas
        self.epsilon = epsilon
        self.steps = 0
        self.mean = torch.zeros_like(parameter)
        self.square = torch.zeros_like(parameter)

    def step(self) -> None:
        """Update the parameter, which must have a gradient."""
        self.move(*(self._on_device(number) for number in self.numbers()))
        self.counted()

    def numbers(self) -> tuple[float, float]:
        """Of the next step, the length and the root of the correction of the mean square."""
        (first, second), steps = self.betas, self.steps + 1
        return self.rate / (1 - first**steps), (1 - second**steps) ** 0.5

    def counted(self) -> None:
        """Note a step."""
        self.steps += 1

    @torch.no_grad()
    def move(self, *numbers: float | Tensor) -> None:
        """Make a step with these :meth:`numbers`."""
        gradient = self.parameter.grad
        assert gradient is not None
        length, correction = numbers
        first, second = self.betas
        self.mean.lerp_(gradient, 1 - first)
        self.square.mul_(second).addcmul_(gradient, gradient, value=1 - second)
        root = (self.square.sqrt() / correction).add_(self.epsilon)
        self._move(gradient, root, length)

    def _on_device(self, number: float) -> float | Tensor:
        """A step rounds in the same way whether its numbers are on a GPU already or not."""
        if host.is_readable(self.parameter):
            return number
        like = self.parameter
        return torch.full((), number, dtype=like.dtype, device=like.device)

    def _move(self, gradient: Tensor, root: Tensor, length: float | Tensor) -> None:
        """Move the parameter by -``length`` times the mean divided by ``root``."""
        self._take(self.mean, root, length)

    def _take(self, step: Tensor, root: Tensor, length: float | Tensor) -> None:
        if isinstance(length, Tensor):
            self.parameter.sub_(step * length / root)
        else:
            self.parameter.addcdiv_(step, root, value=-length)

    def over(self, parameter: Tensor, moments: Sequence[Tensor]) -> Adam:
        """See :class:`Optimiser`."""
        other = copy.copy(self)
        other.parameter = parameter
        for name, moment in zip(self._MOMENTS, moments, strict=True):
            setattr(other, name, moment)
        return other

    def moments(self) -> list[Tensor]:
        """The means of the gradient and of its square."""
        return [getattr(self, name) for name in self._MOMENTS]

    def undo(self) -> Callable[[], None]:
        """See :class:`Optimiser`."""
        steps, before = self.steps, [(x, x.clone()) for x in self.moments()]

        def restore() -> None:
            self.steps = steps
            for tensor, value in before:
                tensor.copy_(value)

        return restore

    def state_dict(self) -> dict[str, Any]:
        """A copy of the moments and the number of steps."""
        return {"steps": self.steps, "mean": self.mean.clone(), "square": self.square.clone()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a :meth:`state_dict`."""
        self.steps = int(state["steps"])
        self.mean.copy_(state["mean"])
        self.square.copy_(state["square"])
