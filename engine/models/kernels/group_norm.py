"""Group normalisation with frozen weights, fused with the SiLU that follows it.

The backward pass gives the input's gradient only, in float32 sums, from the input and two numbers
for each group. PyTorch's keeps the normalised tensor, too, and takes 3 to 5 times as long for
channels_last, in which all tensors [B, C, H, W] are here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from engine.fused.choosing import fused

# Numbers in a part of the tensor that a CPU works on at once: two copies of it in float32 mostly
# stay in its caches, and calls and threads start too often for smaller ones.
_PART = 1 << 19


def group_norm(
    x: Tensor, weight: Tensor, bias: Tensor, groups: int, eps: float, *, silu: bool
) -> Tensor:
    """``x`` normalised in ``groups`` of channels, times ``weight`` plus ``bias``, both [C].

    Then silu(y) = y * sigmoid(y), if ``silu``. Weights are in float32 or float64; the result has
    the dtype of ``x``.
    """
    x = x.contiguous(memory_format=torch.channels_last)
    result: Tensor = _GroupNorm.apply(x, weight, bias, groups, eps, silu)  # type: ignore[no-untyped-call]  # torch's apply is untyped
    return result


class _GroupNorm(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, groups: int, eps: float, silu: bool
    ) -> Tensor:
        if _is_on_cpu(x):
            batch, channels, height, width = x.shape
            y, *norm = torch.native_group_norm(
                x, weight, bias, batch, channels, height * width, groups, eps
            )
            statistics = torch.stack(norm)
            if silu:
                y = torch.nn.functional.silu(y, inplace=True)
        else:
            y, statistics = _on_a_gpu(x, weight, bias, groups, eps, silu=silu)
        ctx.save_for_backward(x, weight, bias, statistics)
        ctx.silu = silu
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None, None, None]:
        x, weight, bias, statistics = ctx.saved_tensors
        gradient = gradients[0].contiguous(memory_format=torch.channels_last)

        def by_operations() -> Tensor:
            dx = torch.empty_like(x, memory_format=torch.channels_last)
            scale, shift = _line(weight, bias, *statistics)
            line = scale, shift if ctx.silu else None
            _input_gradient(_rows(dx), _rows(x), _rows(gradient), line, (weight, *statistics))
            return dx

        def by_kernel() -> Tensor:
            from engine.fused import group_norm as kernels

            norm = kernels.Norm(weight, bias, ctx.silu)
            dx = kernels.input_gradient(_rows(x), _rows(gradient), statistics, norm)
            return _picture(dx, x)

        name = f"gradient of a {_name(ctx.silu)}"
        dx = _fused(name, x, statistics.shape[2], by_kernel, by_operations)
        return dx, None, None, None, None, None


def _on_a_gpu(
    x: Tensor, weight: Tensor, bias: Tensor, groups: int, eps: float, *, silu: bool
) -> tuple[Tensor, Tensor]:
    """y, and mean and rstd as [2, B, G]; PyTorch's kernel for CUDA would leave channels_last."""

    def by_operations() -> Tensor:
        grouped = x.to(weight.dtype).permute(0, 2, 3, 1).unflatten(3, (groups, -1))
        variance, mean = torch.var_mean(grouped, (1, 2, 4), correction=0)
        return torch.stack([mean, (variance + eps).rsqrt()])

    def by_kernel() -> Tensor:
        from engine.fused import group_norm as kernels

        return kernels.statistics(_rows(x), groups, eps, weight.dtype)

    statistics = _fused("statistics of groups", x, groups, by_kernel, by_operations)

    def normalised_by_operations() -> Tensor:
        scale, shift = (v[:, :, None, None] for v in _line(weight, bias, *statistics))
        y = torch.addcmul(shift, x.to(weight.dtype), scale)
        if silu:
            y = torch.nn.functional.silu(y, inplace=True)
        return y.to(x.dtype)

    def normalised_by_kernel() -> Tensor:
        from engine.fused import group_norm as kernels

        norm = kernels.Norm(weight, bias, silu)
        return _picture(kernels.normalised(_rows(x), statistics, norm), x)

    y = _fused(_name(silu), x, groups, normalised_by_kernel, normalised_by_operations)
    return y, statistics


def _name(silu: bool) -> str:
    return "group norm with SiLU" if silu else "group norm"


def _fused(
    name: str,
    x: Tensor,
    groups: int,
    by_kernel: Callable[[], Tensor],
    by_operations: Callable[[], Tensor],
) -> Tensor:
    """What the kernel gives for ``x``, if there is one for its channels and for its device."""
    if _is_on_cpu(x) or not all(each & (each - 1) == 0 for each in (x.shape[1], groups)):
        return by_operations()
    # Rounding moves a number of the result by one place, and one in a sum by a few.
    tolerance = max(1e-4, 4 * torch.finfo(x.dtype).eps)
    name = f"{name} of {x.shape[1]} channels in {x.dtype}"
    return fused(name, x.device, by_kernel, by_operations, tolerance)


def _is_on_cpu(x: Tensor) -> bool:
    return x.device.type == "cpu"


def _picture(rows: Tensor, like: Tensor) -> Tensor:
    """[B, H*W, C] as [B, C, H, W] in channels_last, like another."""
    batch, channels, height, width = like.shape
    return rows.view(batch, height, width, channels).permute(0, 3, 1, 2)


def _line(weight: Tensor, bias: Tensor, mean: Tensor, rstd: Tensor) -> tuple[Tensor, Tensor]:
    """The normalisation as x * scale + shift, both [B, C]."""
    each = len(weight) // mean.shape[1]
    scale = rstd.repeat_interleave(each, 1) * weight
    return scale, bias - mean.repeat_interleave(each, 1) * scale


def _input_gradient(
    dx: Tensor,
    x: Tensor,
    gradient: Tensor,
    line: tuple[Tensor, Tensor | None],
    norm: tuple[Tensor, Tensor, Tensor],
) -> None:
    """Write the gradient of ``x`` to ``dx``; tensors are [B, H*W, C].

    ``line`` is the scale and, if a SiLU follows, the shift (:func:`_line`); ``norm`` the weight
    [C], mean and rstd [B, G]. With n numbers in a group, g the gradient after the SiLU's and
    x^ = (x - mean) * rstd (Wu and He 2018, by the chain rule):

        dx = rstd * (weight * g - sum(weight * g) / n - x^ * sum(weight * g * x^) / n)

    which is g * scale + x * slope + offset with numbers for each channel.
    """
    scale, shift = line
    weight, mean, rstd = norm
    each = len(weight) // mean.shape[1]

    def by_channel(groups: Tensor) -> Tensor:
        return groups.repeat_interleave(each, 1)[:, None]

    total, product = (torch.zeros_like(scale) for _ in range(2))
    precise = x.dtype is weight.dtype  # then x and dx need no copies in between
    for part, work, other in _parts(x, weight.dtype):
        wide = x[:, part] if precise else work.copy_(x[:, part])
        inner = dx[:, part] if precise else other
        if shift is None:
            inner.copy_(gradient[:, part])
        else:
            torch.addcmul(shift[:, None], wide, scale[:, None], out=inner)
            _silu_backward(gradient[:, part].to(inner.dtype), inner)
        if not precise:
            dx[:, part] = inner  # kept here in between, as it costs most to compute
        total += inner.sum(1)
        product += torch.mul(inner, wide, out=work).sum(1)
    total, product = ((x * weight).unflatten(1, (-1, each)).sum(2) for x in (total, product))
    count = x.shape[1] * each
    squared = rstd.square() * rstd * (product - mean * total) / count
    slope, offset = by_channel(-squared), by_channel(squared * mean - rstd * total / count)
    for part, work, other in _parts(x, weight.dtype):
        wide = x[:, part] if precise else work.copy_(x[:, part])
        inner = dx[:, part] if precise else other.copy_(dx[:, part])
        torch.addcmul(offset, wide, slope, out=work)
        torch.addcmul(work, inner, scale[:, None], out=inner)
        if not precise:
            dx[:, part] = inner


def _silu_backward(gradient: Tensor, x: Tensor) -> None:
    """``x`` becomes the gradient of silu's input x."""
    torch.ops.aten.silu_backward.grad_input(gradient, x, grad_input=x)


def _rows(x: Tensor) -> Tensor:
    """[B, C, H, W] in channels_last as [B, H*W, C], without a copy."""
    batch, channels, _, _ = x.shape
    return x.permute(0, 2, 3, 1).view(batch, -1, channels)


def _parts(x: Tensor, dtype: torch.dtype) -> Iterator[tuple[slice, Tensor, Tensor]]:
    """Parts of the rows of ``x`` [B, M, C], each with two work tensors of its size."""
    batch, count, channels = x.shape
    rows = count if x.device.type != "cpu" else min(count, max(1, _PART // (batch * channels)))
    work = torch.empty(2, batch, rows, channels, dtype=dtype, device=x.device)
    for start in range(0, count, rows):
        part = slice(start, min(start + rows, count))
        yield part, work[0, :, : part.stop - start], work[1, :, : part.stop - start]
