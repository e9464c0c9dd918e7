"""The layers of the decoder, with frozen weights under taming's names."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from engine.models.kernels.attention import attend
from engine.models.kernels.convolution import convolve, double_and_convolve, phase_weights
from engine.models.kernels.derived import Derived
from engine.models.kernels.group_norm import group_norm
from engine.models.kernels.recompute import recomputed
from engine.models.kernels.winograd import RowKernels


class Convolution(nn.Module):
    """taming's Conv2d of stride 1 that keeps height and width. The weight is channels_last."""

    def __init__(self, taken: Any) -> None:
        super().__init__()
        self.weight, self.bias = _frozen(taken.weight), _frozen(taken.bias)
        self.rows = RowKernels()

    def forward(self, x: Tensor, wrap: bool = False) -> Tensor:
        """[B, C, H, W] -> [B, O, H, W]; with ``wrap`` padded from the opposite border."""
        if wrap and self.weight.shape[-1] > 1:
            border = self.weight.shape[-1] // 2
            wide = convolve(wrapped(x, border), self.weight, self.bias, self.rows)
            return wide[:, :, border:-border, border:-border].contiguous(
                memory_format=torch.channels_last
            )
        return convolve(x, self.weight, self.bias, self.rows)


class Normalisation(nn.Module):
    """taming's GroupNorm, followed by its SiLU if ``silu``. The weights stay in float32."""

    def __init__(self, taken: nn.GroupNorm, *, silu: bool) -> None:
        super().__init__()
        self.weight, self.bias = _frozen(taken.weight), _frozen(taken.bias)
        self.groups, self.eps, self.silu = taken.num_groups, taken.eps, silu

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> the same shape."""
        return group_norm(x, self.weight, self.bias, self.groups, self.eps, silu=self.silu)


class ResnetBlock(nn.Module):
    """taming's ResnetBlock without a time embedding; dropout does nothing in evaluation mode."""

    def __init__(self, taken: Any) -> None:
        super().__init__()
        self.norm1 = Normalisation(taken.norm1, silu=True)
        self.conv1 = Convolution(taken.conv1)
        self.norm2 = Normalisation(taken.norm2, silu=True)
        self.conv2 = Convolution(taken.conv2)
        if hasattr(taken, "nin_shortcut"):
            self.nin_shortcut = Convolution(taken.nin_shortcut)

    def forward(self, x: Tensor, recompute: bool = False, wrap: bool = False) -> Tensor:
        """[B, C, H, W] -> [B, O, H, W]; with ``recompute`` it keeps its input only."""
        until_conv2 = partial(self._until_conv2, wrap=wrap) if wrap else self._until_conv2
        h = self.conv2(recomputed(until_conv2, x) if recompute else until_conv2(x), wrap)
        shortcut = self.nin_shortcut(x) if hasattr(self, "nin_shortcut") else x
        result: Tensor = h.add_(shortcut)
        return result

    def _until_conv2(self, x: Tensor, wrap: bool = False) -> Tensor:
        result: Tensor = self.norm2(self.conv1(self.norm1(x), wrap))
        return result


class Attention(nn.Module):
    """taming's AttnBlock."""

    def __init__(self, taken: Any) -> None:
        super().__init__()
        self.norm = Normalisation(taken.norm, silu=False)
        self.q, self.k, self.v = (Convolution(x) for x in (taken.q, taken.k, taken.v))
        self.proj_out = Convolution(taken.proj_out)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> the same shape."""
        h = self.norm(x)
        q, k, v = (_tokens(layer(h)) for layer in (self.q, self.k, self.v))
        seen = attend(q, k, v).unflatten(1, x.shape[2:]).permute(0, 3, 1, 2)
        result: Tensor = self.proj_out(seen).add_(x)
        return result


class Upsampling(nn.Module):
    """taming's Upsample: doubled pixels, then a 3x3 convolution unless ``with_conv`` is False."""

    def __init__(self, taken: Any) -> None:
        super().__init__()
        if hasattr(taken, "conv"):
            self.conv = Convolution(taken.conv)
        self._phases = Derived(_phases)

    def forward(self, x: Tensor, wrap: bool = False) -> Tensor:
        """[B, C, H, W] -> [B, C, 2H, 2W]."""
        if not hasattr(self, "conv"):
            return nn.functional.interpolate(x, scale_factor=2.0, mode="nearest")
        phases = self._phases.of(self.conv.weight)
        if wrap:
            wide = double_and_convolve(wrapped(x, 1), phases, self.conv.bias)
            return wide[:, :, 2:-2, 2:-2].contiguous(memory_format=torch.channels_last)
        return double_and_convolve(x, phases, self.conv.bias)


def wrapped(x: Tensor, border: int) -> Tensor:
    """[B, C, H, W] with ``border`` pixels of the opposite side around it, in channels_last."""
    wide = nn.functional.pad(x, (border,) * 4, mode="circular")
    return wide.contiguous(memory_format=torch.channels_last)


def _frozen(weight: Tensor) -> nn.Parameter:
    weight = weight.detach()
    if weight.dim() == 4:
        weight = weight.contiguous(memory_format=torch.channels_last)
    return nn.Parameter(weight, requires_grad=False)


def _phases(weight: Tensor) -> Tensor:
    """:func:`phase_weights` of a ``weight``, each in channels_last."""
    phases = phase_weights(weight)
    rows = phases.flatten(0, 1).contiguous(memory_format=torch.channels_last)
    apart: Tensor = rows.unflatten(0, phases.shape[:2])
    return apart


def _tokens(x: Tensor) -> Tensor:
    """[B, C, H, W] in channels_last as [B, H*W, C], without a copy."""
    return x.permute(0, 2, 3, 1).flatten(1, 2)
