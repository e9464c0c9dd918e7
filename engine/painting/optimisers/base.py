"""What the loop asks of an optimiser."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor


class Optimiser(ABC):
    """Moves one tensor along its gradient; ``rate`` is the step size, which may be changed."""

    rate: float

    def __init__(self, parameter: Tensor, rate: float) -> None:
        self.parameter = parameter
        self.rate = rate

    @abstractmethod
    def step(self) -> None:
        """Update the parameter, which must have a gradient."""

    def numbers(self) -> tuple[float, ...] | None:
        """What the next step depends on besides tensors; None if it can't be told."""
        return None

    def counted(self) -> None:
        """Note a step that was made over other tensors; see :meth:`over`.

        This and what follows is asked only of those that tell :meth:`numbers`.
        """
        raise NotImplementedError

    def move(self, *numbers: float | Tensor) -> None:
        """Make the step that has these :meth:`numbers`, which can be scalars on the device."""
        raise NotImplementedError

    def over(self, parameter: Tensor, moments: Sequence[Tensor]) -> Optimiser:
        """One that moves another ``parameter``, and keeps other :meth:`moments`."""
        raise NotImplementedError

    @abstractmethod
    def moments(self) -> list[Tensor]:
        """The tensors of the parameter's shape that it keeps between steps, not copied."""

    @abstractmethod
    def undo(self) -> Callable[[], None]:
        """A function that undoes all steps since, except in the parameter.

        It allocates nothing, as memory may have run out.
        """

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """A copy of what it keeps between steps: tensors and numbers."""

    @abstractmethod
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a :meth:`state_dict`."""

    @torch.no_grad()
    def keep_only(self, part: Tensor) -> None:
        """Forget what is outside ``part``, which is 1 or 0 and broadcastable to the parameter.

        It would keep moving there.
        """
        for moment in self.moments():
            moment.mul_(part)
