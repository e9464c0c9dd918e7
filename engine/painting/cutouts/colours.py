"""Brightness, contrast, saturation and hue of cutouts, as in kornia's ColorJiggle.

kornia converts to HSV and back for saturation and hue. Both leave the largest channel of a pixel
(HSV's value) as it is, so they can be computed from the channels themselves, in order of size:

- a turn of the hue by ``t`` sixths of the circle, at most one, moves the middle channel by ``t``
  times the spread of the channels, up or down with the order of the channels. What goes beyond
  the largest channel is taken off that one, what goes below the smallest is added to that one;
- a saturation multiplies the distances from the largest channel, at most until the smallest is 0.

Both commute, so they are one step if no other is between them. Everything is arithmetic on whole
tensors: in PyTorch, choosing by booleans takes ten times as long on a CPU.

At a pixel with equal channels, where the derivative has a jump, red counts as larger than green and
green as larger than blue. kornia divides the gradient between equal channels; of a white, grey or
black pixel then only the lightness can change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.painting import host
from engine.painting.cutouts.steps import Gradient, Step

_TINY = 1e-8  # as in kornia.color.rgb_to_hsv


@dataclass(frozen=True)
class Brightness(Step):
    """Adds ``amount`` [N, 1, 1, 1]; pixels can leave 0..1."""

    amount: Tensor

    def apply(self, x: Tensor) -> Tensor:
        """See :class:`Step`."""
        return x + self.amount

    def differentiate(self, x: Tensor) -> tuple[Tensor, Gradient]:
        """See :class:`Step`."""
        return self.apply(x), lambda slope: slope


@dataclass(frozen=True)
class Contrast(Step):
    """Multiplies by ``factor`` [N, 1, 1, 1]; pixels can leave 0..1."""

    factor: Tensor

    def apply(self, x: Tensor) -> Tensor:
        """See :class:`Step`."""
        return x * self.factor

    def differentiate(self, x: Tensor) -> tuple[Tensor, Gradient]:
        """See :class:`Step`."""
        return self.apply(x), lambda slope: slope * self.factor


@dataclass(frozen=True)
class Colour(Step):
    """Multiplies HSV's saturation by ``saturation`` and turns its hue by ``turn``, [N, 1, 1] each.

    The turn is in sixths of the circle, -1 to 1. Pixels have to be in 0..1, and stay there.
    """

    saturation: Tensor
    turn: Tensor

    def apply(self, x: Tensor) -> Tensor:
        """See :class:`Step`."""
        return self._change(x)[0]

    def differentiate(self, x: Tensor) -> tuple[Tensor, Gradient]:
        """See :class:`Step`."""
        result, order, hue, ratio = self._change(x)

        def gradient(slope: Tensor) -> Tensor:
            whole = slope[:, 0] + slope[:, 1] + slope[:, 2]
            of_most = torch.addcmul(whole, whole, ratio, value=-1)
            of_spread = torch.zeros_like(whole)
            full = torch.lt(ratio, self.saturation, out=torch.empty_like(ratio))
            if not host.is_readable(full) or full.max() > 0:
                # There the ratio depends on the pixel, and distances from the largest channel are
                # the result's, divided by the ratio.
                distances = (result - order.most[:, None]).mul_(slope).sum(dim=1)
                of_ratio = distances.div_(ratio.clamp(min=_TINY)).mul_(full)
                of_ratio.div_(order.spread + _TINY)
                of_most += of_ratio
                of_spread -= of_ratio.mul_(ratio)
            return hue.gradient([each * ratio for each in slope.unbind(1)], of_most, of_spread)

        return result, gradient

    def _change(self, x: Tensor) -> tuple[Tensor, _Order, _Hue, Tensor]:
        order = _Order(x)
        hue = _Hue(order, self.turn)
        ratio = self._ratio(order)
        result = torch.empty_like(x)
        for i, channel in enumerate(x.unbind(1)):
            torch.lerp(order.most, hue.channel(channel, i), ratio, out=result[:, i])
        return result, order, hue, ratio

    def _ratio(self, order: _Order) -> Tensor:
        """The factor [N, S, S] of distances from the largest channel."""
        return torch.minimum((order.most + _TINY).div_(order.spread + _TINY), self.saturation)


class _Order:
    """The channels of pixels [N, 3, S, S] in order of size; all values are [N, S, S].

    ``is_most`` and ``is_least`` are 1 for the channel that is the largest or the smallest, else 0;
    ``even`` is 1 if the middle channel follows the largest one (red, green, blue, red), else 0.
    """

    def __init__(self, x: Tensor) -> None:
        red, green, blue = x.unbind(1)
        low, high = torch.minimum(green, blue), torch.maximum(green, blue)
        self.most, self.least = torch.maximum(red, high), torch.minimum(red, low)
        self.middle = torch.maximum(low, torch.minimum(red, high))
        self.spread = self.most - self.least
        rg, gb, rb = _at_least(red, green), _at_least(green, blue), _at_least(red, blue)
        gr, bg, br = 1 - rg, 1 - gb, 1 - rb
        self.is_most = (rg * rb, gr * gb, br * bg)
        self.is_least = (gr * br, rg * bg, rb * gb)
        even = self.is_most[0] * self.is_least[2]
        even.addcmul_(self.is_most[1], self.is_least[0])
        self.even = even.addcmul_(self.is_most[2], self.is_least[1])


class _Hue:
    """The channels of pixels after a turn of the hue."""

    def __init__(self, order: _Order, turn: Tensor) -> None:
        self.order = order
        self.slope = order.even * (2 * turn) - turn
        self.shift = self.slope * order.spread
        moved = order.middle + self.shift
        self.over = (moved - order.most).relu_()
        self.under = (order.least - moved).relu_()

        # The middle channel's change, and by how much it differs from those of the other two.
        self._most, self._least = self.shift + self.under, self.shift - self.over
        self._middle = self._most - self.over

    def channel(self, channel: Tensor, i: int) -> Tensor:
        """Channel ``i`` [N, S, S]."""
        result = channel + self._middle
        result.addcmul_(self.order.is_most[i], self._most, value=-1)
        return result.addcmul_(self.order.is_least[i], self._least, value=-1)

    def gradient(self, gradients: Sequence[Tensor], of_most: Tensor, of_spread: Tensor) -> Tensor:
        """The gradient of the pixels [N, 3, S, S] from that of the turned channels.

        ``of_most`` and ``of_spread`` are added to it; they are overwritten.
        """
        order = self.order
        whole = gradients[0] + gradients[1] + gradients[2]
        most, least = gradients[0] * order.is_most[0], gradients[0] * order.is_least[0]
        for i in (1, 2):
            most.addcmul_(gradients[i], order.is_most[i])
            least.addcmul_(gradients[i], order.is_least[i])
        # Beyond the largest channel, the middle one is the largest, and that is pushed down.
        over = self.over.sign().mul_(whole - least)
        under = self.under.sign().mul_(whole - most)
        middle = (whole - most).sub_(least).sub_(over).sub_(under)
        of_spread = of_spread.addcmul_(self.slope, middle)
        most = most.add_(over).add_(of_most).add_(of_spread).sub_(middle)
        least = least.add_(under).sub_(of_spread).sub_(middle)
        result = middle[:, None].repeat(1, 3, 1, 1)
        for i in range(3):
            result[:, i].addcmul_(order.is_most[i], most).addcmul_(order.is_least[i], least)
        return result


def _at_least(x: Tensor, y: Tensor) -> Tensor:
    """1 where x >= y, else 0."""
    return torch.ge(x, y, out=torch.empty_like(x))
