"""Linear layers with frozen weights, through oneDNN on a CPU.

In float32 PyTorch multiplies through MKL, which on AMD processors takes 1.1 to 1.5 times as long.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

# With fewer rows the copy of a weight takes longer than it saves.
_WORTH_A_COPY = 512


def linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """x W^T + b of ``x`` [..., I], ``weight`` [O, I] and ``bias`` [O].

    A weight that is being trained takes PyTorch's own way, with its gradients.
    """
    if weight.requires_grad or (bias is not None and bias.requires_grad):
        return F.linear(x, weight, bias)
    result: Tensor = _Linear.apply(x, weight, bias)  # type: ignore[no-untyped-call]  # torch's apply is untyped
    return result


def multiply(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Like :func:`linear`, without gradients; ``weight`` can be a transposed view."""
    if _goes_through_onednn(x):
        rows = x.numel() // x.shape[-1]
        if x.dtype is torch.float32 and rows >= _WORTH_A_COPY and not _reads_columns_fast():
            weight = weight.contiguous()
        product: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
        return product
    return F.linear(x, weight, bias)


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(weight)
        return multiply(x, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (weight,) = ctx.saved_tensors
        return multiply(gradients[0], weight.t()), None, None


@cache
def _reads_columns_fast() -> bool:
    """Whether oneDNN multiplies float32 by a transposed view as fast as by a copy of it.

    Its kernels for AVX2 take up to twice as long, even with the copy's time counted.
    """
    return torch.backends.cpu.get_cpu_capability() == "AVX512"


def _goes_through_onednn(x: Tensor) -> bool:
    """Whether PyTorch has oneDNN's layer, as its compiler uses it, for this device and dtype."""
    return (
        x.device.type == "cpu"
        and (x.dtype is torch.float32 or (x.dtype is torch.bfloat16 and _multiplies_bf16()))
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
        and torch.backends.mkldnn.is_available()
    )


def _multiplies_bf16() -> bool:
    """Whether oneDNN has products of bf16 numbers on this processor."""
    supported: bool = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return supported
