"""Attention with many small heads, between all tokens, for short sequences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

# Numbers in the scores of the heads that are computed together: they stay in a CPU's cache.
_PART = 1 << 21
# PyTorch's fused kernels add up a longer sequence's gradients in an order that varies.
_FUSED_TOKENS = 64


def attend_with_heads(qkv: Tensor, heads: int) -> Tensor:
    """softmax(q k^T / sqrt(D)) v in each of ``heads`` (Vaswani et al. 2017): [N, L, heads * D].

    ``qkv`` [N, L, 3 * heads * D] has queries, keys and values, each with its heads one after the
    other. The same numbers give the same bits each time, on a GPU, too.
    """
    if qkv.device.type != "cpu" and qkv.shape[1] <= _FUSED_TOKENS:
        q, k, v = qkv.unflatten(2, (3, heads, -1)).permute(2, 0, 3, 1, 4)
        return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
    result: Tensor = _Attend.apply(qkv, heads)  # type: ignore[no-untyped-call]  # torch's apply is untyped
    return result


class _Attend(torch.autograd.Function):
    """Products of all heads at once: in bf16 on a CPU PyTorch's own backward pass is 4x slower."""

    @staticmethod
    def forward(ctx: Any, qkv: Tensor, heads: int) -> Tensor:
        count, length, width = qkv.shape
        split = qkv.new_empty(3, count, heads, length, width // (3 * heads))
        split.copy_(qkv.unflatten(2, (3, heads, -1)).permute(2, 0, 3, 1, 4))
        split = split.flatten(1, 2)
        q, k, v = split
        q.mul_(q.shape[-1] ** -0.5)
        seen = torch.empty_like(v)
        # They are kept if they are smaller than what is kept anyway.
        weights = q.new_empty(len(q), length, length) if length <= q.shape[-1] else None
        for part in _parts(q):
            each = (q[part] @ k[part].mT).softmax(-1)
            torch.bmm(each, v[part], out=seen[part])
            if weights is not None:
                weights[part] = each
        ctx.save_for_backward(split, weights)
        ctx.shape = count, heads
        apart: Tensor = seen.unflatten(0, (count, heads))
        return apart.transpose(1, 2).flatten(2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        split, weights = ctx.saved_tensors
        q, k, v = split
        gradient = gradients[0].unflatten(2, (ctx.shape[1], -1)).transpose(1, 2).flatten(0, 1)
        result = torch.empty_like(split)
        dq, dk, dv = result
        for part in _parts(q):
            each = (q[part] @ k[part].mT).softmax(-1) if weights is None else weights[part]
            torch.bmm(each.mT, gradient[part], out=dv[part])
            scores = torch.ops.aten._softmax_backward_data(
                gradient[part] @ v[part].mT, each, -1, each.dtype
            )
            torch.bmm(scores, k[part], out=dq[part])
            torch.bmm(scores.mT, q[part], out=dk[part])
        dq.mul_(q.shape[-1] ** -0.5)
        return result.unflatten(1, ctx.shape).permute(1, 3, 0, 2, 4).flatten(2), None


def _parts(q: Tensor) -> Iterator[slice]:
    """Slices of the heads [N * heads, L, D] that are computed together."""
    size = len(q) if q.device.type != "cpu" else max(1, _PART // q.shape[1] ** 2)
    for start in range(0, len(q), size):
        yield slice(start, min(start + size, len(q)))
