"""Features of the `natural` perceptor's classifier, for the perceptual loss."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.models.perceptors.efficientnet_lite import EfficientNetLite0
from training.common.precision import in_channels_last

# Blocks whose output is compared, with strides of 2, 4, 8 and 16 px.
BLOCKS = (0, 2, 4, 8)


class Features(nn.Module):
    """The outputs of some blocks of EfficientNet-Lite0, in float32 or as autocast has it."""

    def __init__(self, network: EfficientNetLite0, blocks: Sequence[int] = BLOCKS) -> None:
        super().__init__()
        self.stem = network.stem
        self.blocks = network.blocks[: max(blocks) + 1]
        self.compared = tuple(blocks)
        in_channels_last(self.eval().requires_grad_(False))

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """Pictures [B, 3, H, W] in 0..1 -> features [B, C, h, w] of length 1 at each place."""
        pixels = ((pictures * 255 - 127) / 128).contiguous(memory_format=torch.channels_last)
        x = F.relu6(self.stem(pixels))
        found = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in self.compared:
                found.append(F.normalize(x.float(), dim=1))
        return found


def perceptual_loss(painted: Sequence[Tensor], real: Sequence[Tensor]) -> Tensor:
    """The squared distance of features, summed over the blocks (as LPIPS, Zhang et al. 2018)."""
    parts = [
        (one - other).square().sum(dim=1).mean() for one, other in zip(painted, real, strict=True)
    ]
    return torch.stack(parts).sum()
