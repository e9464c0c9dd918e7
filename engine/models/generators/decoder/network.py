"""taming's Decoder, for painting: weights are frozen, and only z gets a gradient.

taming's modules define what is right, and tests hold values and gradients to them. These are
faster, above all backwards, and keep less: of each block its input and the input of its second
normalisation, in channels_last.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from engine.models.generators.decoder.layers import (
    Attention,
    Convolution,
    Normalisation,
    ResnetBlock,
    Upsampling,
)

# The levels of the largest pictures, of which a decoder that saves memory keeps less. They have
# nine tenths of what all levels keep.
_UPPER_LEVELS = 2


class Decoder(nn.Module):
    """The weights of ``taken``, a taming Decoder, under the same names."""

    def __init__(self, taken: Any) -> None:
        super().__init__()
        self.conv_in = Convolution(taken.conv_in)
        self.mid = nn.Module()
        for name, part in taken.mid.named_children():
            setattr(self.mid, name, _layer(part))
        self.up = nn.ModuleList(map(_Level, taken.up))
        self.norm_out = Normalisation(taken.norm_out, silu=True)
        self.conv_out = Convolution(taken.conv_out)
        self.num_resolutions = len(self.up)

    def to_bf16(self) -> None:
        """Round the weights of the convolutions to bf16, in which their input must be from now on.

        Normalisations keep float32 weights: their sums over thousands of values need the precision.
        """
        for module in self.modules():
            if isinstance(module, Convolution):
                module.to(torch.bfloat16)

    def forward(self, z: Tensor, recompute: bool = False, wrap: bool = False) -> Tensor:
        """z [B, C, h, w] -> pictures [B, 3, H, W], mostly within -1..1, in channels_last.

        With ``wrap`` each convolution is padded from the opposite border, so that pictures tile.

        With ``recompute`` the blocks of the upper levels keep half, and compute the rest again in
        the backward pass. The result is the same, bit for bit.
        """
        h = self.conv_in(z.contiguous(memory_format=torch.channels_last), wrap)
        for layer in self.mid.children():
            h = layer(h, False, wrap) if wrap and isinstance(layer, ResnetBlock) else layer(h)
        for index, level in reversed(list(enumerate(self.up))):
            h = level(h, recompute and index < _UPPER_LEVELS, wrap)
        result: Tensor = self.conv_out(self.norm_out(h), wrap)
        return result


class _Level(nn.Module):
    """Blocks of one resolution, each followed by attention if there is any, then upsampling."""

    def __init__(self, taken: Any) -> None:
        super().__init__()
        self.block = nn.ModuleList(map(ResnetBlock, taken.block))
        self.attn = nn.ModuleList(map(_layer, taken.attn))
        if hasattr(taken, "upsample"):
            self.upsample = Upsampling(taken.upsample)

    def forward(self, h: Tensor, recompute: bool, wrap: bool = False) -> Tensor:
        for index, block in enumerate(self.block):
            h = block(h, recompute, wrap)
            if len(self.attn):
                h = self.attn[index](h)
        return self.upsample(h, wrap) if hasattr(self, "upsample") else h


def _layer(taken: nn.Module) -> nn.Module:
    """Ours for one of taming's blocks; nothing for latent-diffusion's attention "none"."""
    if isinstance(taken, nn.Identity):
        return nn.Identity()
    return ResnetBlock(taken) if hasattr(taken, "conv1") else Attention(taken)
