"""What happens to warped cutouts, pixel by pixel: on a GPU in one kernel each way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from engine.fused.choosing import fused
from engine.painting.cutouts.colours import Colour
from engine.painting.cutouts.steps import Chain, Chosen, Clamp, Erase, Noise, Step

if TYPE_CHECKING:
    from engine.fused.colours import Changes


@dataclass(frozen=True)
class Finishing:
    """The steps after the warps, of all cutouts in order."""

    steps: Sequence[Step]

    def apply(self, x: Tensor) -> Tensor:
        """The finished cutouts."""

        def by_operations() -> Tensor:
            return Chain(self.steps).apply(x)

        def by_kernel() -> Tensor:
            from engine.fused.colours import change

            return change(x, _changes(self.steps))

        return self._fused("", x, by_kernel, by_operations, 1e-5)

    def gradient(self, x: Tensor, slope: Tensor) -> Tensor:
        """The gradient of ``x`` from that of the finished cutouts."""

        def by_operations() -> Tensor:
            return Chain(self.steps).differentiate(x)[1](slope)

        def by_kernel() -> Tensor:
            from engine.fused.colours import gradient_of_change

            return gradient_of_change(x, slope, _changes(self.steps))

        return self._fused("gradient of ", x, by_kernel, by_operations, 1e-4)

    def _fused(
        self,
        what: str,
        x: Tensor,
        by_kernel: Callable[[], Tensor],
        by_operations: Callable[[], Tensor],
        tolerance: float,
    ) -> Tensor:
        name = _name_of_kernel(self.steps)
        if name is None:
            return by_operations()
        return fused(what + name, x.device, by_kernel, by_operations, tolerance)


def _name_of_kernel(steps: Sequence[Step]) -> str | None:
    """What the kernel would do; None if it cannot do all of ``steps``.

    It can do a Colour, Erase, Noise and a Clamp, in this order; each can be missing.
    """
    names = []
    for step in steps:
        match step:
            case Chosen(Chain([Clamp(), Colour()])):
                names.append("colour")
            case Erase() | Noise() | Clamp():
                names.append(type(step).__name__.lower())
            case _:
                return None
    order = ["colour", "erase", "noise", "clamp"]
    in_order = names == [name for name in order if name in names]
    return ", ".join(names) if in_order else None


def _changes(steps: Sequence[Step]) -> Changes:
    """The steps as the kernel has them."""
    from engine.fused.colours import Changes

    colours = rectangle = deviation = grain = None
    clamped = False
    for step in steps:
        match step:
            case Chosen(Chain([_, Colour(saturation, turn)]), chosen):
                columns = (saturation.flatten(), turn.flatten(), chosen.flatten())
                colours = torch.stack(columns, dim=1)
            case Erase():
                rectangle = step.rectangle
            case Noise():
                # All are in order: only on a CPU is a piece some of them (augmentations.py).
                deviation, grain = step.deviation.flatten(), step.grain
            case Clamp():
                clamped = True
    return Changes(colours, rectangle, deviation, grain, clamped)
