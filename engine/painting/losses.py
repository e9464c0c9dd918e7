"""The loss terms: distances to the prompts, the structure, the regulariser, smoothness."""

from __future__ import annotations

import math
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


def spherical_distance(u: Tensor, v: Tensor) -> Tensor:
    """Squared spherical distance of unit vectors [..., D], broadcast: 2 asin(||u - v|| / 2)^2.

    It is half the square of the angle: 0 for equal, 1.234 for orthogonal and 4.935 for opposite
    vectors (paper, section 2; Crowson's notebook).
    """
    half_angle: Tensor = ((u - v).norm(dim=-1) / 2).clamp(max=1).asin()
    return 2 * half_angle.square()


def prompt_loss(
    images: Tensor, target: Tensor, weight: float = 1.0, stop: float = -math.inf
) -> Tensor:
    """The distance of cutouts [N, D] from a prompt's vector [D], as a scalar.

    The mean over cutouts of |weight| * sign(weight) * distance, without a gradient where the
    signed distance is below ``stop`` (the authors' notebook, ``Prompt.forward``).
    """
    distance = spherical_distance(images, target) * math.copysign(1.0, weight)
    held = replace_gradient(distance, distance.clamp(min=stop))
    return abs(weight) * held.mean()


def structure_loss(images: Tensor, original: Tensor, weight: float) -> Tensor:
    """The distance of cutouts [N, D] from the original picture's vector [D], as a scalar.

    ``weight`` times the mean distance: the term that preserves structure in appendix H.2.
    """
    return weight * spherical_distance(images, original).mean()


def regulariser_loss(z: Tensor, anchor: Tensor | None, alpha: float) -> Tensor:
    """alpha * mean((z - anchor)^2) over all elements; without an anchor, alpha * mean(z^2)."""
    difference = z if anchor is None else z - anchor
    return alpha * difference.square().mean()


def smoothness_loss(picture: Tensor, weight: float) -> Tensor:
    """``weight`` times the total variation of pictures [B, 3, H, W] (Rudin et al. 1992).

    The mean absolute difference of horizontal neighbours plus that of vertical ones. It flattens
    areas that no prompt describes and keeps edges sharp. Not in the paper; docs/drawn-models.md
    has figures.
    """
    across, down = picture.diff(dim=-1).abs().mean(), picture.diff(dim=-2).abs().mean()
    return weight * (across + down)
