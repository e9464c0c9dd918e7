"""What the perceptor sees and where its answer rises, written out so that slopes can be trained.

Autograd's derivative of a derivative gives the same numbers in twice the time, as it goes back
through normalisations that in painting are fixed factors, and it cannot move a gate: a ReLU's
second derivative is nothing. Here normalisations are folded into their convolutions, the way back
through the trunk is a network of its own, and a gate's edge counts as a slope
(:class:`_Gate`), so that training can learn which parts of a picture open which of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.models.perceptor import Perceptor
from engine.training.precision import bf16_is_fast

EDGE = 0.7
"""Half of a gate's width, in units of what comes in; batch normalisation makes that about 1."""


class _Gate(torch.autograd.Function):
    """A ReLU's way back: ``slope`` where ``before`` is positive, else 0.

    By ``before`` it derives as if the step at 0 were a straight line from -``edge`` to ``edge``: a
    surrogate gradient (Neftci, Mostafa and Zenke 2019). With an edge of 0 it does not, as autograd
    has it.
    """

    @staticmethod
    def forward(ctx: Any, slope: Tensor, before: Tensor, edge: float) -> Tensor:
        ctx.save_for_backward(slope, before)
        ctx.edge = edge
        passed: Tensor = torch.ops.aten.threshold_backward(slope, before, 0)
        return passed

    @staticmethod
    def backward(ctx: Any, *above: Tensor) -> tuple[Tensor, Tensor | None, None]:
        slope, before = ctx.saved_tensors
        by_slope = torch.ops.aten.threshold_backward(above[0], before, 0)
        if not ctx.edge:
            return by_slope, None, None
        near = torch.ops.aten.hardtanh_backward(above[0] * slope, before, -ctx.edge, ctx.edge)
        return by_slope, near * (0.5 / ctx.edge), None


@dataclass(frozen=True)
class _Convolution:
    """A convolution and the normalisation behind it, as one: weight and bias."""

    weight: Tensor
    bias: Tensor
    stride: int = 1

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight, self.bias, self.stride, self.weight.shape[-1] // 2)

    def back(self, slope: Tensor) -> Tensor:
        """The slope by what came in, of the slope by what went out."""
        side = self.weight.shape[-1]
        if self.stride > 1:
            return F.conv_transpose2d(slope, self.weight, None, self.stride, side // 2,
                                      output_padding=self.stride - 1)
        # As a plain convolution it is twice as fast as transposed.
        turned = self.weight.transpose(0, 1).flip(2, 3)
        return F.conv2d(slope, turned.contiguous(memory_format=torch.channels_last), None, 1,
                        side // 2)


@dataclass(frozen=True)
class _Block:
    """One of the residual stages' blocks; ``stride`` is that of the averaging in it."""

    stride: int
    first: _Convolution
    second: _Convolution
    third: _Convolution
    shortcut: _Convolution | None


class _Trunk:
    """The modified ResNet up to its attention pool, in evaluation, normalisations folded in."""

    def __init__(self, visual: Any, dtype: torch.dtype) -> None:
        self.stem = [_folded(getattr(visual, f"conv{i}"), getattr(visual, f"bn{i}"), dtype)
                     for i in (1, 2, 3)]
        self.blocks = [
            _Block(block.stride, _folded(block.conv1, block.bn1, dtype),
                   _folded(block.conv2, block.bn2, dtype), _folded(block.conv3, block.bn3, dtype),
                   None if block.downsample is None
                   else _folded(block.downsample[1], block.downsample[2], dtype))
            for stage in (visual.layer1, visual.layer2, visual.layer3, visual.layer4)
            for block in stage]

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Features [N, C, h, w] of ``x`` [N, 3, S, S], and what came into each ReLU in order."""
        before: list[Tensor] = []

        def rectified(y: Tensor) -> Tensor:
            before.append(y)
            return F.relu(y)

        for convolution in self.stem:
            x = rectified(convolution.forward(x))
        x = F.avg_pool2d(x, 2)
        for block in self.blocks:
            out = rectified(block.first.forward(x))
            out = rectified(block.second.forward(out))
            out = block.third.forward(_pooled(out, block.stride))
            if block.shortcut is not None:
                x = block.shortcut.forward(_pooled(x, block.stride))
            x = rectified(out + x)
        return x, before

    def back(self, slope: Tensor, before: list[Tensor], edge: float) -> Tensor:
        """The slope by ``x``, of the slope by the features; ``before`` is what forward gave."""
        gates = iter(reversed(before))

        def gated(slope: Tensor) -> Tensor:
            passed: Tensor = _Gate.apply(slope, next(gates), edge)  # type: ignore[no-untyped-call]
            return passed

        for block in reversed(self.blocks):
            slope = gated(slope)
            out = gated(_unpooled(block.third.back(slope), block.stride))
            out = block.first.back(gated(block.second.back(out)))
            if block.shortcut is not None:
                slope = _unpooled(block.shortcut.back(slope), block.stride)
            slope = out + slope
        slope = _unpooled(slope, 2)
        for convolution in reversed(self.stem):
            slope = convolution.back(gated(slope))
        return slope


def see(perceptor: Perceptor, pictures: Tensor) -> Tensor:
    """Unit vectors [N, D] of ``pictures`` [N, 3, S, S] in 0..1, as in evaluation."""
    _, features, _ = _look(perceptor, pictures)
    return _pool(perceptor.clip.visual.attnpool, features.float())


def see_slopes(perceptor: Perceptor, pictures: Tensor, texts: Tensor,
               edge: float = EDGE) -> tuple[Tensor, Tensor]:
    """The same, and the slope [N, 3, S, S] of each one's similarity to its text [N, D].

    Both can be derived once more, by the weights; ``edge`` is half of a gate's width then.
    """
    trunk, features, before = _look(perceptor, pictures)
    dtype, features = features.dtype, features.float()
    if not features.requires_grad:  # of weights that are not trained
        features.requires_grad_(True)
    with torch.enable_grad():
        images = _pool(perceptor.clip.visual.attnpool, features)
        (slope,) = torch.autograd.grad((images * texts).sum(), features, create_graph=True)
    slope = trunk.back(slope.to(dtype).contiguous(memory_format=torch.channels_last), before, edge)
    return images, slope.float() / perceptor.std


def _look(perceptor: Perceptor, pictures: Tensor) -> tuple[_Trunk, Tensor, list[Tensor]]:
    """The trunk, the features, and what came into each of its ReLUs."""
    dtype = torch.bfloat16 if bf16_is_fast() else torch.float32
    trunk = _Trunk(perceptor.clip.visual, dtype)
    normal = ((pictures - perceptor.mean) / perceptor.std).to(dtype)
    return trunk, *trunk.forward(normal.contiguous(memory_format=torch.channels_last))


def _folded(convolution: nn.Conv2d, norm: nn.BatchNorm2d, dtype: torch.dtype) -> _Convolution:
    assert norm.running_var is not None
    assert norm.running_mean is not None
    factor = norm.weight * (norm.running_var + norm.eps).rsqrt()
    weight = convolution.weight * factor.view(-1, 1, 1, 1)
    bias = norm.bias - norm.running_mean * factor
    return _Convolution(weight.to(dtype), bias.to(dtype), convolution.stride[0])


def _pooled(x: Tensor, stride: int) -> Tensor:
    return F.avg_pool2d(x, stride) if stride > 1 else x


def _unpooled(slope: Tensor, stride: int) -> Tensor:
    if stride == 1:
        return slope
    return F.interpolate(slope, scale_factor=stride, mode="nearest") / stride**2


def _pool(pool: Any, features: Tensor) -> Tensor:
    """CLIP's attention pool, as unit vectors; PyTorch's own has no second derivative when fused."""
    count, heads = len(features), pool.num_heads
    x = features.flatten(2).transpose(1, 2)
    x = torch.cat([x.mean(1, keepdim=True), x], 1) + pool.positional_embedding
    query, key, value = (part(each).view(count, -1, heads, x.shape[-1] // heads).transpose(1, 2)
                         for part, each in ((pool.q_proj, x[:, :1]), (pool.k_proj, x),
                                            (pool.v_proj, x)))
    weights = (query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5).softmax(-1)
    seen = pool.c_proj((weights @ value).transpose(1, 2).reshape(count, -1))
    return F.normalize(seen, dim=-1)
