"""Autoencoders whose latent is not quantised: diffusers' AutoencoderKL and AutoencoderTiny, TAESD.

z has unit scale, as the diffusion models that use these latents see it: their prior is a standard
normal distribution, which gives the random start and the bounds.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from engine.models.generators.base import Generator
from engine.models.generators.decoder.network import Decoder
from engine.models.generators.diffusers_config import Prior
from engine.models.packages import taming_autoencoder
from engine.models.precision import at_least_float32
from engine.random_numbers import Draws, Stream

WITHIN = 4.0
"""The clamp of z, in standard deviations: a normal distribution has 1 of 16,000 beyond it."""


class ContinuousGenerator(Generator):
    """An autoencoder without a codebook; z [B, C, h, w] is what its decoder reads, in unit scale.

    ``network`` has ``encode`` (pictures [B, 3, H, W] -> latents) and ``decode`` (the reverse), both
    for pictures in 0..1, ``to_bf16``, ``channels`` and ``factor``. ``prior`` is the scale of its
    latents, ``within`` the largest absolute value of z.
    """

    network: Any
    mean: Tensor
    std: Tensor

    def __init__(
        self, network: nn.Module, prior: Prior, resolution: int, within: float = WITHIN
    ) -> None:
        super().__init__()
        self.network = network
        self.factor = self.network.factor
        self.resolution = resolution
        self.within = within
        self.register_buffer("mean", torch.tensor(prior.mean).view(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(prior.std).view(1, -1, 1, 1))

    @property
    def reference(self) -> Tensor:
        """The standard deviations [1, C, 1, 1]."""
        return self.std

    @property
    def scale(self) -> float:
        """1, the prior's standard deviation."""
        return 1.0

    def random_latent(self, height: int, width: int, draws: Draws) -> Tensor:
        """Normal noise, [1, C, h, w]."""
        shape = (1, self.network.channels, height // self.factor, width // self.factor)
        return draws.normal(Stream.START_LATENT, shape).to(self.std)

    @torch.no_grad()
    def encode_latent(self, picture: Tensor, draws: Draws | None = None) -> Tensor:
        """The mean of the picture's latents, within the bounds: [1, C, h, w]."""
        raw: Tensor = self.network.encode(picture)
        return ((raw - self.mean) / self.std).clamp(-self.within, self.within)

    def decode(self, z: Tensor) -> Tensor:
        """z [B, C, h, w] -> pictures [B, 3, H, W], not yet clamped to 0..1."""
        pixels: Tensor = self.network.decode(z * self.std + self.mean)
        return pixels

    def decode_in_less_memory(self, z: Tensor) -> Tensor:
        """:meth:`decode`, with parts computed again in the backward pass if the network can."""
        pixels: Tensor = self.network.decode(z * self.std + self.mean, recompute=True)
        return pixels

    def decode_in_bf16(self) -> None:
        """Round the decoder's convolutions to bf16."""
        self.network.to_bf16()

    def bounds(self) -> tuple[Tensor, Tensor]:
        """-4 and 4 standard deviations, or what else the network was trained for."""
        ones = torch.ones(1, 1, 1, 1).to(self.std)
        return -self.within * ones, self.within * ones


class KLNetwork(nn.Module):
    """diffusers' AutoencoderKL with taming's names: its networks are taming's.

    Without ``quant_conv`` or ``post_quant_conv`` the network has no such layer. :meth:`freeze` is
    called once it has its weights.
    """

    def __init__(self, ddconfig: dict[str, Any], quant_conv: bool, post_quant_conv: bool) -> None:
        super().__init__()
        self.encoder, self.decoder = taming_autoencoder(**ddconfig)
        self.channels = ddconfig["z_channels"]
        self.factor = 2 ** (len(ddconfig["ch_mult"]) - 1)
        count = self.channels
        self.quant_conv = nn.Conv2d(2 * count, 2 * count, 1) if quant_conv else nn.Identity()
        self.post_quant_conv = nn.Conv2d(count, count, 1) if post_quant_conv else nn.Identity()

    def freeze(self) -> None:
        """Replace the decoder by our own with the same weights, for painting."""
        self.decoder = Decoder(self.decoder)

    def to_bf16(self) -> None:
        """Round the decoder's convolutions to bf16."""
        self.decoder.to_bf16()

    def encode(self, pictures: Tensor) -> Tensor:
        """The means of the latents' distributions; the other half are their variances."""
        moments: Tensor = self.quant_conv(self.encoder(pictures * 2 - 1))
        return moments.chunk(2, dim=1)[0]

    def decode(self, latents: Tensor, recompute: bool = False) -> Tensor:
        """Latents [B, C, h, w] -> pictures [B, 3, H, W]."""
        h = self.post_quant_conv(latents)
        pixels = self.decoder(h.to(self.decoder.conv_in.weight.dtype), recompute)
        return (at_least_float32(pixels).contiguous() + 1) / 2
