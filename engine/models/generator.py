"""The generator: a VQGAN, whose latent is what painting optimises (paper, section 2.1)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from engine.models.packages import taming_autoencoder, taming_quantizers


class VQModel(nn.Module):
    """taming's VQModel, or its GumbelVQ, without Lightning: same parts, same parameter names.

    ``ddconfig``, ``n_embed`` and ``embed_dim`` are as in the yaml beside a checkpoint.
    """

    def __init__(self, ddconfig: dict[str, Any], n_embed: int, embed_dim: int,
                 gumbel: bool = False) -> None:
        super().__init__()
        self.encoder, self.decoder = taming_autoencoder(**ddconfig)
        channels = ddconfig["z_channels"]
        quantizers = taming_quantizers()
        if gumbel:
            self.quantize = quantizers.GumbelQuantize(channels, embed_dim, n_embed=n_embed,
                                                      kl_weight=1e-8)
        else:
            self.quantize = quantizers.VectorQuantizer2(n_embed, embed_dim, beta=0.25)
        self.quant_conv = nn.Conv2d(channels, embed_dim, 1)
        self.post_quant_conv = nn.Conv2d(embed_dim, channels, 1)

    def prequantised(self, pixels: Tensor) -> Tensor:
        """Pictures [B, 3, H, W] in -1..1 -> the encoder's answer [B, D, h, w]."""
        h: Tensor = self.quant_conv(self.encoder(pixels))
        return h

    def encode(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures [B, 3, H, W] in -1..1 -> (zq [B, D, h, w], the quantiser's loss)."""
        quantised, loss, _ = self.quantize(self.prequantised(pixels))
        return quantised, loss

    def decode(self, zq: Tensor) -> Tensor:
        """zq [B, D, h, w] -> pictures [B, 3, H, W], mostly within -1..1."""
        pixels: Tensor = self.decoder(self.post_quant_conv(zq))
        return pixels


class Generator(nn.Module):
    """A VQModel or a GumbelVQ behind one face; nobody else asks which it is.

    ``codebook`` is [K, D]; ``factor`` the side in pixels of the square a token stands for.
    """

    def __init__(self, model: VQModel) -> None:
        super().__init__()
        self.model = model
        self.gumbel = hasattr(model.quantize, "embed")
        self.factor = 2 ** (model.decoder.num_resolutions - 1)
        self.resolution: int = model.encoder.resolution

    @property
    def codebook(self) -> Tensor:
        """The code vectors [K, D]."""
        quantize = self.model.quantize
        weight: Tensor = (quantize.embed if self.gumbel else quantize.embedding).weight
        return weight

    @torch.no_grad()
    def encode(self, picture: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """The codes [B, h*w] of a picture [B, 3, H, W] in 0..1; H and W multiples of ``factor``.

        A GumbelVQ samples its codes, in evaluation too; its noise comes from ``generator``,
        without one the likeliest codes are taken.
        """
        h = self.model.prequantised(picture * 2 - 1)
        if not self.gumbel:
            return nearest_codes(h, self.codebook)
        logits = self.model.quantize.proj(h)
        if generator is not None:
            draws = torch.rand(logits.shape, generator=generator).to(logits)
            logits = logits - (-(draws.clamp(1e-20, 1)).log()).clamp(min=1e-20).log()
        codes: Tensor = logits.argmax(dim=1).flatten(1)
        return codes

    def embed(self, codes: Tensor, height: int, width: int) -> Tensor:
        """Codes [B, height*width] -> zq [B, D, height, width]."""
        return embed_codes(codes, self.codebook, height, width)

    def decode(self, zq: Tensor) -> Tensor:
        """zq [B, D, h, w] -> picture [B, 3, h*factor, w*factor], not yet clamped to 0..1."""
        return (self.model.decode(zq) + 1) / 2


def embed_codes(codes: Tensor, codebook: Tensor, height: int, width: int) -> Tensor:
    """The vectors of codes [B, height*width] in a codebook [K, D], as zq [B, D, height, width]."""
    zq: Tensor = codebook[codes].transpose(1, 2).unflatten(2, (height, width))
    return zq


def nearest_codes(z: Tensor, codebook: Tensor) -> Tensor:
    """Indices [B, h*w] of the nearest code [K, D] to each token of z [B, D, h, w].

    By ||x||^2 + ||c||^2 - 2 x.c, as van den Oord et al. 2017, with the first term, the same
    for every code, left out.
    """
    tokens = z.flatten(2).transpose(1, 2)
    distance = (codebook**2).sum(1) - 2 * tokens @ codebook.T
    return distance.argmin(dim=-1)
