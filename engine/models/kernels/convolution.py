"""Convolutions with frozen weights: the backward pass gives the input's gradient and nothing else.

PyTorch's own keeps the input of each convolution for a weight gradient that nobody asks for.
These keep nothing but the weight, which is there anyway; so it is not a saved tensor, whose hooks
count memory. Tensors are [B, C, H, W] in channels_last.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from engine.models.kernels.winograd import RowKernels, convolve_rows, is_worth_it

_PHASES = ((0, 0), (0, 1), (1, 0), (1, 1))


def convolve(
    x: Tensor, weight: Tensor, bias: Tensor | None, rows: RowKernels | None = None
) -> Tensor:
    """``x`` convolved with ``weight`` [O, C, k, k], k odd, padded so that H and W stay.

    With ``rows``, kept by the caller for this weight, it is done with fewer multiplications where
    that is faster.
    """
    result: Tensor = _Convolve.apply(x, weight, bias, rows)  # type: ignore[no-untyped-call]  # torch's apply is untyped
    return result


class _Convolve(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, rows: RowKernels | None
    ) -> Tensor:
        ctx.weight, ctx.rows = weight, rows
        if rows is not None and is_worth_it(x, weight):
            return convolve_rows(x, rows.forward.of(weight), bias)
        return F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        weight, rows = ctx.weight, ctx.rows
        gradient = gradients[0].contiguous(memory_format=torch.channels_last)
        if rows is not None and is_worth_it(gradient, weight):
            dx = convolve_rows(gradient, rows.backward.of(weight), None)
        else:
            dx = F.conv_transpose2d(gradient, weight, padding=weight.shape[-1] // 2)
        return dx, None, None, None


def phase_weights(weight: Tensor) -> Tensor:
    """For :func:`double_and_convolve`: four kernels [4, O, C, 2, 2] from one [O, C, 3, 3].

    A 3x3 kernel on a picture whose pixels were doubled sees only 2x2 different pixels, another 2x2
    for each of the four positions inside a doubled pixel. Weights that meet the same pixel are
    added up, in float32 at least.
    """
    precise = weight.to(torch.promote_types(weight.dtype, torch.float32))
    rows = _halves(precise, 2)
    kernels = torch.stack([column for row in rows for column in _halves(row, 3)])
    return kernels.to(weight.dtype)


def _halves(kernel: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    first, middle, last = kernel.split(1, axis)
    return torch.cat([first, middle + last], axis), torch.cat([first + middle, last], axis)


def double_and_convolve(x: Tensor, phases: Tensor, bias: Tensor | None) -> Tensor:
    """``x`` [B, C, H, W], each pixel doubled in both directions, and convolved: [B, O, 2H, 2W].

    It equals nearest-neighbour upsampling and a 3x3 convolution with padding 1, of whose weight
    ``phases`` are the :func:`phase_weights`, with 2.25 times fewer multiplications.
    """
    result: Tensor = _DoubleAndConvolve.apply(x, phases, bias)  # type: ignore[no-untyped-call]  # torch's apply is untyped
    return result


class _DoubleAndConvolve(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, phases: Tensor, bias: Tensor | None) -> Tensor:
        ctx.phases = phases
        batch, _, height, width = x.shape
        result = torch.empty(
            (batch, phases.shape[1], 2 * height, 2 * width),
            dtype=x.dtype,
            device=x.device,
            memory_format=torch.channels_last,
        )
        for phase, (down, right) in zip(phases, _PHASES, strict=True):
            # With padding on all sides there is one row and one column more than this phase has.
            part = F.conv2d(x, phase, bias, padding=1)
            result[:, :, down::2, right::2] = part[
                :, :, down : down + height, right : right + width
            ]
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        phases, (gradient,) = ctx.phases, gradients
        batch, channels, height, width = gradient.shape
        height, width = height // 2, width // 2
        padded = gradient.new_zeros(batch, height + 1, width + 1, 4, channels)
        for phase, (down, right) in enumerate(_PHASES):
            padded[:, down : down + height, right : right + width, phase] = gradient[
                :, :, down::2, right::2
            ].permute(0, 2, 3, 1)
        # All phases in one convolution, so that their sum is rounded once.
        together = padded.flatten(3).permute(0, 3, 1, 2)
        return F.conv_transpose2d(together, phases.flatten(0, 1), padding=1), None, None
