"""CLIP's modified ResNet (Radford et al. 2021, section 2.4; He et al. 2015), batch norms folded."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.models.kernels.linear import linear


class PictureResNet(nn.Module):
    """The package's ModifiedResNet in evaluation mode, in channels_last.

    Each batch norm is folded into the convolution before it, which changes values by rounding only.
    """

    def __init__(self, visual: Any) -> None:
        super().__init__()
        self.input_resolution: int = visual.input_resolution
        self.output_dim: int = visual.output_dim
        self.conv1 = folded(visual.conv1, visual.bn1)
        self.conv2 = folded(visual.conv2, visual.bn2)
        self.conv3 = folded(visual.conv3, visual.bn3)
        stages = (visual.layer1, visual.layer2, visual.layer3, visual.layer4)
        self.blocks = nn.ModuleList(Bottleneck(block) for stage in stages for block in stage)
        self.attnpool = visual.attnpool

    def forward(self, pictures: Tensor) -> Tensor:
        """Normalised pictures [N, 3, S, S] -> vectors [N, D]."""
        x = pictures.to(self.conv1.weight.dtype, memory_format=torch.channels_last)
        for conv in (self.conv1, self.conv2, self.conv3):
            x = F.relu(conv(x), inplace=True)
        x = F.avg_pool2d(x, 2)
        for block in self.blocks:
            x = block(x)
        return _pool(self.attnpool, x)


class Bottleneck(nn.Module):
    """The package's Bottleneck: three convolutions; strides are average pools."""

    def __init__(self, block: Any) -> None:
        super().__init__()
        self.stride: int = block.stride
        self.conv1 = folded(block.conv1, block.bn1)
        self.conv2 = folded(block.conv2, block.bn2)
        self.conv3 = folded(block.conv3, block.bn3)
        self.downsample: nn.Conv2d | None = None
        if block.downsample is not None:
            _, conv, norm = block.downsample
            self.downsample = folded(conv, norm)

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, O, H // stride, W // stride]."""
        wide = F.relu(self.conv1(x), inplace=True)
        wide = self._strided(F.relu(self.conv2(wide), inplace=True))
        if self.downsample is not None:
            x = self.downsample(self._strided(x))
        return F.relu(self.conv3(wide).add_(x), inplace=True)

    def _strided(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(x, self.stride) if self.stride > 1 else x


@torch.no_grad()
def folded(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> nn.Conv2d:
    """``conv`` with the batch norm after it, as in evaluation mode, in its weight and bias."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    wide = torch.promote_types(norm.weight.dtype, torch.float32)
    scale = norm.weight.to(wide) / (norm.running_var.to(wide) + norm.eps).sqrt()
    weight = conv.weight.to(wide) * scale[:, None, None, None]
    shift = norm.bias.to(wide) - norm.running_mean.to(wide) * scale
    # The same module, so that one copy of the weights is in memory.
    conv.weight = nn.Parameter(
        weight.to(conv.weight.dtype).contiguous(memory_format=torch.channels_last), False
    )
    conv.bias = nn.Parameter(shift.to(conv.weight.dtype), False)
    return conv


def _pool(attention: Any, x: Tensor) -> Tensor:
    """The package's AttentionPool2d: the mean's attention to all places [N, C, H, W] -> [N, D]."""
    tokens = x.flatten(2).transpose(1, 2)
    tokens = torch.cat([tokens.mean(1, keepdim=True), tokens], 1)
    tokens = tokens + attention.positional_embedding.to(tokens.dtype)
    heads = attention.num_heads
    layers = attention.q_proj, attention.k_proj, attention.v_proj
    inputs = tokens[:, :1], tokens, tokens
    q, k, v = (
        linear(part, layer.weight, layer.bias).unflatten(2, (heads, -1)).transpose(1, 2)
        for part, layer in zip(inputs, layers, strict=True)
    )
    weights = (q @ k.mT * q.shape[-1] ** -0.5).softmax(-1)
    seen = (weights @ v).transpose(1, 2).flatten(2)[:, 0]
    return linear(seen, attention.c_proj.weight, attention.c_proj.bias)
