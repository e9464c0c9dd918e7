"""What happens to warped cutouts, pixel by pixel: on a GPU in one kernel each way."""

from __future__ import annotations

from collections.abc import Sequence
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
        if not _has_kernel(self.steps):
            return Chain(self.steps).apply(x)

        def by_kernel() -> Tensor:
            from engine.fused.colours import change

            return change(x, _changes(self.steps))

        return fused("colours", x.device, by_kernel, lambda: Chain(self.steps).apply(x), 1e-5)

    def gradient(self, x: Tensor, slope: Tensor) -> Tensor:
        """The gradient of ``x`` from that of the finished cutouts."""

        def by_operations() -> Tensor:
            return Chain(self.steps).differentiate(x)[1](slope)

        if not _has_kernel(self.steps):
            return by_operations()

        def by_kernel() -> Tensor:
            from engine.fused.colours import gradient_of_change

            return gradient_of_change(x, slope, _changes(self.steps))

        return fused("gradient of colours", x.device, by_kernel, by_operations, 1e-4)


def _has_kernel(steps: Sequence[Step]) -> bool:
    """Whether the kernel does all of ``steps``: a Colour, Erase, Noise and a Clamp, in this order.

    Each can be missing.
    """
    order = []
    for step in steps:
        match step:
            case Chosen(Chain([Clamp(), Colour()])):
                order.append(0)
            case Erase():
                order.append(1)
            case Noise():
                order.append(2)
            case Clamp():
                order.append(3)
            case _:
                return False
    return order == sorted(set(order))


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
