"""The perceptron of a transformer's layer, with frozen weights."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from engine.models.kernels.linear import multiply

_QUICK = 1.702


def perceptron(
    x: Tensor, up: tuple[Tensor, Tensor], down: tuple[Tensor, Tensor], *, quick: bool
) -> Tensor:
    """gelu(x W1^T + b1) W2^T + b2 of ``x`` [..., I], with the weights and biases of both layers.

    With ``quick``, gelu(x) is approximated by x * sigmoid(1.702 x) (Hendrycks and Gimpel 2016).
    Only the first product is kept for the backward pass, which overwrites its own tensors.
    """
    result: Tensor = _Perceptron.apply(x, *up, *down, quick)  # type: ignore[no-untyped-call]  # torch's apply is untyped
    return result


class _Perceptron(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, up: Tensor, bias: Tensor, down: Tensor, last: Tensor, quick: bool
    ) -> Tensor:
        inner = multiply(x, up, bias)
        if quick:  # silu(1.702 x) / 1.702, since PyTorch has fast kernels for silu
            active = torch.nn.functional.silu(inner.mul_(_QUICK)).mul_(1 / _QUICK)
        else:
            active = torch.nn.functional.gelu(inner)
        ctx.save_for_backward(inner, up, down)
        ctx.quick = quick
        return multiply(active, down, last)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        inner, up, down = ctx.saved_tensors
        gradient = multiply(gradients[0], down.t())
        # By the chain rule the two factors of 1.702 cancel out.
        backward = torch.ops.aten.silu_backward if ctx.quick else torch.ops.aten.gelu_backward
        backward.grad_input(gradient, inner, grad_input=gradient)
        return multiply(gradient, up.t()), None, None, None, None, None
