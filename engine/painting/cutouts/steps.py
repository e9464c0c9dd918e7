"""A change of cutouts with its gradient, and those that are neither warps nor colours.

Autograd would keep what each of a hundred small operations returns, for all cutouts at once. A
step needs only its input for both ways, so a few cutouts at a time go through all steps, and later
again and back, while they are in the processor's cache.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.painting.losses import gradient_of_clamp

Gradient = Callable[[Tensor], Tensor]
"""From the gradient of what a step returns to that of its input."""


class Step(ABC):
    """One change of cutouts [N, 3, S, S]."""

    @abstractmethod
    def apply(self, x: Tensor) -> Tensor:
        """The changed cutouts."""

    @abstractmethod
    def differentiate(self, x: Tensor) -> tuple[Tensor, Gradient]:
        """What :meth:`apply` returns, and its gradient."""


@dataclass(frozen=True)
class Chain(Step):
    """Several steps, one after the other."""

    steps: Sequence[Step]

    def apply(self, x: Tensor) -> Tensor:
        """See :class:`Step`."""
        for step in self.steps:
            x = step.apply(x)
        return x

    def differentiate(self, x: Tensor) -> tuple[Tensor, Gradient]:
        """See :class:`Step`."""
        gradients = []
        for step in self.steps:
            x, gradient = step.differentiate(x)
            gradients.append(gradient)

        def of_all(slope: Tensor) -> Tensor:
            for gradient in reversed(gradients):
                slope = gradient(slope)
            return slope

        return x, of_all


@dataclass(frozen=True)
class Chosen(Step):
    """A step for some of the cutouts: those where ``chosen`` [N, 1, 1, 1] is 1 and not 0."""

    step: Step
    chosen: Tensor

    def apply(self, x: Tensor) -> Tensor:
        """See :class:`Step`."""
        return torch.lerp(x, self.step.apply(x), self.chosen)

    def differentiate(self, x: Tensor) -> tuple[Tensor, Gradient]:
        """See :class:`Step`."""
        changed, gradient = self.step.differentiate(x)
        result = torch.lerp(x, changed, self.chosen)
        return result, lambda slope: torch.lerp(slope, gradient(slope), self.chosen)


class Clamp(Step):
    """Clamps to 0..1; passes gradients that lead back into it (the authors' clamp_with_grad)."""

    def apply(self, x: Tensor) -> Tensor:
        """See :class:`Step`."""
        return x.clamp(0, 1)

    def differentiate(self, x: Tensor) -> tuple[Tensor, Gradient]:
        """See :class:`Step`."""
        result = self.apply(x)
        beyond = x - result
        return result, lambda slope: gradient_of_clamp(slope, beyond)


@dataclass(frozen=True)
class Erase(Step):
    """Blackens rectangles [N, 4]: left, top, right, bottom in pixels (kornia's RandomErasing)."""

    rectangle: Tensor

    def apply(self, x: Tensor) -> Tensor:
        """See :class:`Step`."""
        return x * self._kept(x)

    def differentiate(self, x: Tensor) -> tuple[Tensor, Gradient]:
        """See :class:`Step`."""
        kept = self._kept(x)
        return x * kept, lambda slope: slope * kept

    def _kept(self, x: Tensor) -> Tensor:
        """1 outside the rectangles and 0 inside, [N, 1, S, S]."""
        centre = torch.arange(x.shape[-1], device=x.device, dtype=x.dtype) + 0.5
        left, top, right, bottom = self.rectangle[..., None].unbind(1)
        across = ((centre >= left) & (centre < right)).to(x.dtype)
        down = ((centre >= top) & (centre < bottom)).to(x.dtype)
        return 1 - down[:, None, :, None] * across[:, None, None, :]


@dataclass(frozen=True)
class Sharpness(Step):
    """Blends cutouts with a blurred copy, by ``blend`` [N, 1, 1, 1] (kornia's RandomSharpness).

    At 1 nothing changes, at 0 it is the mean of nine pixels, the middle one of which counts five
    times. The outer pixels stay as they are; others can leave 0..1 if the factor is above 1.
    """

    blend: Tensor

    def apply(self, x: Tensor) -> Tensor:
        """See :class:`Step`."""
        inner = x[..., 1:-1, 1:-1]
        blurred = (F.avg_pool2d(x, 3, stride=1) * 9).add_(inner, alpha=4).div_(13)
        result = x.clone()
        result[..., 1:-1, 1:-1] = torch.lerp(blurred, inner, self.blend)
        return result

    def differentiate(self, x: Tensor) -> tuple[Tensor, Gradient]:
        """See :class:`Step`."""
        return self.apply(x), self._gradient

    def _gradient(self, slope: Tensor) -> Tensor:
        inner = slope[..., 1:-1, 1:-1]
        of_blurred = inner * (1 - self.blend) / 13
        result = F.avg_pool2d(F.pad(of_blurred, (2, 2, 2, 2)), 3, stride=1) * 9
        result[..., 1:-1, 1:-1] += of_blurred * 4 + inner * self.blend
        result[..., 0, :] += slope[..., 0, :]
        result[..., -1, :] += slope[..., -1, :]
        result[..., 1:-1, 0] += slope[..., 1:-1, 0]
        result[..., 1:-1, -1] += slope[..., 1:-1, -1]
        return result


@dataclass(frozen=True)
class Noise(Step):
    """Adds the cutouts ``which`` [N] of ``grain`` [M, 3, S, S] times ``deviation`` [N, 1, 1, 1]."""

    deviation: Tensor
    grain: Tensor
    which: Tensor

    def apply(self, x: Tensor) -> Tensor:
        """See :class:`Step`."""
        return torch.addcmul(x, self.grain.index_select(0, self.which), self.deviation)

    def differentiate(self, x: Tensor) -> tuple[Tensor, Gradient]:
        """See :class:`Step`."""
        return self.apply(x), lambda slope: slope
