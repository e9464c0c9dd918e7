"""Computes a part of a network again in the backward pass, instead of keeping what it needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def recomputed(compute: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """``compute(x)``, of which only ``x`` is kept for the backward pass (Chen et al. 2016).

    ``compute`` must draw no random numbers and depend on no other tensor that needs a gradient.
    Values and gradients are the same bits as without.
    """
    result: Tensor = _Recomputed.apply(x, compute)  # type: ignore[no-untyped-call]  # torch's apply is untyped
    return result


class _Recomputed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, compute: Callable[[Tensor], Tensor]) -> Tensor:
        ctx.save_for_backward(x)
        ctx.compute = compute
        return compute(x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        x = ctx.saved_tensors[0].detach().requires_grad_()
        with torch.enable_grad():
            y = ctx.compute(x)
        (dx,) = torch.autograd.grad(y, x, gradients[0])
        return dx, None
