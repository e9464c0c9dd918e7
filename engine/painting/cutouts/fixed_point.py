"""Sums that do not depend on the order of their summands, as a GPU adds in any."""

from __future__ import annotations

import torch
from torch import Tensor

_BITS = 40  # below the largest number of a cutout, which leaves room for 2^22 summands


class FixedPointSums:
    """Sums [N, C, size] of parts of ``numbers`` [N, C, ...], added as whole numbers.

    No part is larger than the largest of its cutout's numbers. Where that is infinite or not a
    number, the sums are not numbers either. ``total`` has the sums so far, times ``scale``
    [N, 1, 1].
    """

    def __init__(self, numbers: Tensor, size: int) -> None:
        self._dtype = numbers.dtype
        self._most = numbers.flatten(1).abs().amax(dim=1)[:, None, None]
        exponent = _BITS - torch.frexp(self._most).exponent
        self.scale = exponent.double().exp2()  # ldexp would calculate it in single precision
        count, channels = numbers.shape[:2]
        self.total = torch.zeros(count, channels, size, dtype=torch.long, device=numbers.device)

    def add(self, index: Tensor, part: Tensor) -> None:
        """Add ``part`` [N, C, P] at ``index`` [N, 1 or C, P]."""
        whole = (part * self.scale).round().long()
        self.total.scatter_add_(2, index.expand_as(part), whole)

    def result(self) -> Tensor:
        """The sums, in the precision of the numbers."""
        no_number = self._most - self._most  # 0, or not a number
        return (self.total / (self.scale + no_number)).to(self._dtype)
