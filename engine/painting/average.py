"""The moving average of a latent, from which a finished picture can be made."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


class MovingAverage:
    """The exponential moving average of z with this ``decay``, 0 to 1 but not 1.

    As in Crowson's notebooks (EMATensor): the weights of those added so far sum to 1, so the first
    is not weighted more than the others.
    """

    def __init__(self, like: Tensor, decay: float) -> None:
        self._decay = decay
        self.sum = torch.zeros_like(like)
        self._missing = 1.0  # weight

    @torch.no_grad()
    def add(self, z: Tensor) -> None:
        """Count z in."""
        self.sum.lerp_(z, 1 - self._decay)
        self.counted()

    def counted(self) -> None:
        """Note that a z was added to :attr:`sum`; see :meth:`over`."""
        self._missing *= self._decay

    def over(self, sum: Tensor) -> MovingAverage:
        """The same average, kept in another ``sum``."""
        other = copy.copy(self)
        other.sum = sum
        return other

    def value(self) -> Tensor | None:
        """The average; None before anything was added."""
        return None if self._missing == 1 else self.sum / (1 - self._missing)

    def reset(self) -> None:
        """Forget what was added."""
        self.sum.zero_()
        self._missing = 1.0

    def undo(self) -> Callable[[], None]:
        """A function that undoes what is added from now on; it allocates nothing."""
        before, missing = self.sum.clone(), self._missing

        def restore() -> None:
            self.sum.copy_(before)
            self._missing = missing

        return restore

    def state_dict(self) -> dict[str, Any]:
        """A copy of the sum and the weight that it lacks."""
        return {"sum": self.sum.clone(), "missing": self._missing}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a :meth:`state_dict`."""
        self.sum.copy_(state["sum"])
        self._missing = float(state["missing"])
