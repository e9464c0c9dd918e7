"""Gradients other than a derivative: straight through, and back into a range."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class _ReplaceGradient(torch.autograd.Function):
    """Forward one tensor, send the gradient to another of the same shape."""

    @staticmethod
    def forward(ctx: Any, forward: Tensor, backward: Tensor) -> Tensor:
        ctx.shape = backward.shape
        return forward

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, Tensor]:
        return None, gradients[0].sum_to_size(ctx.shape)


class _ClampWithGradient(torch.autograd.Function):
    """A clamp that passes gradients which lead back into the range."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, low: float, high: float) -> Tensor:
        clamped = x.clamp(low, high)
        ctx.save_for_backward(x - clamped)
        return clamped

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (beyond,) = ctx.saved_tensors
        return gradient_of_clamp(gradients[0], beyond), None, None


def replace_gradient(forward: Tensor, backward: Tensor) -> Tensor:
    """The values of ``forward`` with the gradient of ``backward`` (straight-through)."""
    result: Tensor = _ReplaceGradient.apply(forward, backward)  # type: ignore[no-untyped-call]  # torch's apply is untyped
    return result


def clamp_with_gradient(x: Tensor, low: float = 0.0, high: float = 1.0) -> Tensor:
    """Clamp; the gradient g passes only where g * (x - clamp(x)) >= 0 (authors' notebook)."""
    result: Tensor = _ClampWithGradient.apply(x, low, high)  # type: ignore[no-untyped-call]  # torch's apply is untyped
    return result


def gradient_of_clamp(gradient: Tensor, beyond: Tensor) -> Tensor:
    """The gradient of x from that of :func:`clamp_with_gradient`; ``beyond`` is x - clamp(x)."""
    # Numbers instead of booleans, which take four times as long on a CPU.
    return (gradient * beyond).ge_(0).mul_(gradient)
