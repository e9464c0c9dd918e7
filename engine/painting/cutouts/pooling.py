"""Whole pictures, shrunk by pooling."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from engine.painting.cutouts.fixed_point import FixedPointSums


def pooled(picture: Tensor, resolution: int) -> Tensor:
    """Whole pictures [B, C, H, W] as squares [B, C, S, S].

    Each pixel is the mean of the average and the maximum of the pixels under it, as in
    nerdyrodent's script. PyTorch's own have no deterministic gradients on CUDA.
    """
    result: Tensor = _MaxPool.apply(picture, resolution)  # type: ignore[no-untyped-call]  # torch's apply is untyped
    for _ in range(2):  # rows, then columns: the result of each is its last dimension
        shares = _shares(picture.shape[2], resolution, picture)
        picture = torch.tensordot(picture, shares, dims=([2], [0]))
    return (result + picture) / 2


class _MaxPool(torch.autograd.Function):
    """adaptive_max_pool2d."""

    @staticmethod
    def forward(ctx: Any, picture: Tensor, resolution: int) -> Tensor:
        result, index = F.adaptive_max_pool2d_with_indices(picture, (resolution, resolution))
        ctx.save_for_backward(index)
        ctx.shape = picture.shape
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (index,) = ctx.saved_tensors
        sums = FixedPointSums(gradients[0], ctx.shape[2] * ctx.shape[3])
        sums.add(index.flatten(2), gradients[0].flatten(2))
        return sums.result().view(ctx.shape), None


def _shares(length: int, resolution: int, like: Tensor) -> Tensor:
    """[L, S]: the share of each pixel in each average, as adaptive_avg_pool2d has it."""
    pixel = torch.arange(length, device=like.device)[:, None]
    output = torch.arange(resolution, device=like.device)
    under = (pixel >= output * length // resolution) & (
        pixel < ((output + 1) * length + resolution - 1) // resolution
    )
    return under / under.sum(dim=0).to(like.dtype)
