"""The perceptron of a transformer's layer, with frozen weights."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from engine.models.kernels.linear import multiply

_QUICK = 1.702
Gelu = Literal["none", "tanh", "quick"]


def perceptron(
    x: Tensor, up: tuple[Tensor, Tensor], down: tuple[Tensor, Tensor], *, gelu: Gelu
) -> Tensor:
    """gelu(x W1^T + b1) W2^T + b2 of ``x`` [..., I], with the weights and biases of both layers.

    ``gelu`` (Hendrycks and Gimpel 2016) says how it is approximated: not at all ("none"), by a tanh
    ("tanh"), or by x * sigmoid(1.702 x) ("quick").
    Only the first product is kept for the backward pass, which overwrites its own tensors.
    """
    result: Tensor = _Perceptron.apply(x, *up, *down, gelu)  # type: ignore[no-untyped-call]  # torch's apply is untyped
    return result


class _Perceptron(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, up: Tensor, bias: Tensor, down: Tensor, last: Tensor, gelu: Gelu
    ) -> Tensor:
        inner = multiply(x, up, bias)
        if gelu == "quick":  # silu(1.702 x) / 1.702, since PyTorch has fast kernels for silu
            active = torch.nn.functional.silu(inner.mul_(_QUICK)).mul_(1 / _QUICK)
        else:
            active = torch.nn.functional.gelu(inner, approximate=gelu)
        ctx.save_for_backward(inner, up, down)
        ctx.gelu = gelu
        return multiply(active, down, last)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        inner, up, down = ctx.saved_tensors
        gradient = multiply(gradients[0], down.t())
        if ctx.gelu == "quick":
            # By the chain rule the two factors of 1.702 cancel out.
            torch.ops.aten.silu_backward.grad_input(gradient, inner, grad_input=gradient)
        else:
            torch.ops.aten.gelu_backward.grad_input(
                gradient, inner, approximate=ctx.gelu, grad_input=gradient
            )
        return multiply(gradient, up.t()), None, None, None, None, None
