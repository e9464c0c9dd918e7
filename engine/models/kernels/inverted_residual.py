"""Inverted residuals of MobileNets (Sandler et al. 2018) with frozen weights, in one step.

Tensors are [N, C, H, W] in channels_last. The backward pass gives the input's gradient only, from
the two activations, and overwrites its own tensors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from engine.models.kernels.linear import multiply


@dataclass(frozen=True, eq=False)
class InvertedResidual:
    """The weights and biases of a block's convolutions; ``expand`` is None if it does not expand.

    ``depthwise`` [C, 1, k, k] has TensorFlow's padding (:func:`padding`); ``skips`` adds the input.
    """

    expand: tuple[Tensor, Tensor] | None
    depthwise: tuple[Tensor, Tensor]
    project: tuple[Tensor, Tensor]
    stride: int
    skips: bool


def inverted_residual(x: Tensor, block: InvertedResidual) -> Tensor:
    """project(relu6(depthwise(relu6(expand(x))))) [N, O, ceil(H / stride), ceil(W / stride)]."""
    result: Tensor = _InvertedResidual.apply(x, block)  # type: ignore[no-untyped-call]  # torch's apply is untyped
    return result


def padding(side: int, kernel: int, stride: int) -> tuple[int, int]:
    """TensorFlow's padding before and after, for an output of ceil(side / stride)."""
    both = max((-(-side // stride) - 1) * stride + kernel - side, 0)
    return both // 2, both - both // 2


class _InvertedResidual(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, block: InvertedResidual) -> Tensor:
        x = x.contiguous(memory_format=torch.channels_last)
        wide = x
        if block.expand is not None:
            wide = _pointwise(x, *block.expand).clamp_(0, 6)
        kernel, pads = _symmetrical(block.depthwise[0], x.shape[2:], block.stride)
        deep = F.conv2d(wide, kernel, block.depthwise[1], block.stride, pads, 1, len(kernel))
        out = _pointwise(deep.clamp_(0, 6), *block.project)
        ctx.block, ctx.sides = block, x.shape[2:]
        ctx.save_for_backward(wide if block.expand is not None else None, deep)
        return out.add_(x) if block.skips else out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        wide, deep = ctx.saved_tensors
        block = ctx.block
        gradient = gradients[0].contiguous(memory_format=torch.channels_last)
        inner = _pointwise(gradient, block.project[0].transpose(0, 1))
        _relu6_backward(inner, deep)
        inner = _depthwise_input_gradient(inner, block.depthwise[0], ctx.sides, block.stride)
        if block.expand is not None:
            _relu6_backward(inner, wide)
            inner = _pointwise(inner, block.expand[0].transpose(0, 1))
        return inner.add_(gradient) if block.skips else inner, None


def _pointwise(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """A convolution [O, C, 1, 1] as a matrix product."""
    rows = multiply(x.permute(0, 2, 3, 1), weight[:, :, 0, 0], bias)
    return rows.permute(0, 3, 1, 2)


def _relu6_backward(gradient: Tensor, active: Tensor) -> None:
    """Zero ``gradient``, in place, where relu6 gave 0 or 6."""
    torch.ops.aten.hardtanh_backward.grad_input(gradient, active, 0.0, 6.0, grad_input=gradient)


def _symmetrical(
    weight: Tensor, sides: Sequence[int], stride: int
) -> tuple[Tensor, tuple[int, int]]:
    """The kernel and padding (down, across) of a depthwise convolution of [N, C, *sides].

    Where the padding after is one more than before, the kernel starts with zeros instead, since
    padding the tensor itself would copy it.
    """
    size = weight.shape[-1]
    (above, below), (left, right) = (padding(side, size, stride) for side in sides)
    if (above, left) != (below, right):
        weight = F.pad(weight, (right - left, 0, below - above, 0))
    return weight, (below, right)


def _depthwise_input_gradient(
    gradient: Tensor, weight: Tensor, sides: Sequence[int], stride: int
) -> Tensor:
    """The gradient of the input [N, C, *sides] of a depthwise convolution."""
    kernel, pads = _symmetrical(weight, sides, stride)
    size = kernel.shape[2:]
    if stride == 1 and all(2 * pad + 1 == side for pad, side in zip(pads, size, strict=True)):
        # Half the time of a transposed convolution on a CPU.
        return F.conv2d(gradient, kernel.flip(2, 3), None, 1, pads, 1, len(kernel))
    more = [
        side - ((low - 1) * stride - 2 * pad + length)
        for side, low, pad, length in zip(sides, gradient.shape[2:], pads, size, strict=True)
    ]
    return F.conv_transpose2d(gradient, kernel, None, stride, pads, more, len(kernel))
