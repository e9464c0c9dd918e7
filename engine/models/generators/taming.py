"""taming-transformers' VQGANs: VQModel and GumbelVQ (paper, section 2.1; Esser et al. 2021)."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from engine.models.checkpoints import read_tensors
from engine.models.codebook import embed_codes, nearest_codes
from engine.models.generators.base import Generator
from engine.models.generators.decoder.layers import Convolution
from engine.models.generators.decoder.network import Decoder
from engine.models.generators.taming_weights import vqgan_tensors
from engine.models.generators.taming_yaml import read_config, vq_config
from engine.models.packages import taming_autoencoder, taming_quantizers
from engine.models.part_settings import check_names, number
from engine.models.precision import at_least_float32
from engine.models.state_dict import Uninitialised, fill
from engine.random_numbers import Draws, Stream
from engine.translatable import Translatable


class VQModel(nn.Module):
    """taming's VQModel or GumbelVQ without Lightning, with the same parameter names.

    ``ddconfig``, ``n_embed`` and ``embed_dim`` are as in a checkpoint's yaml file.
    """

    def __init__(
        self, ddconfig: dict[str, Any], n_embed: int, embed_dim: int, gumbel: bool = False
    ) -> None:
        super().__init__()
        self.encoder, self.decoder = taming_autoencoder(**ddconfig)
        channels = ddconfig["z_channels"]
        quantizers = taming_quantizers()
        if gumbel:
            self.quantize = quantizers.GumbelQuantize(
                channels, embed_dim, n_embed=n_embed, kl_weight=1e-8
            )
        else:
            self.quantize = quantizers.VectorQuantizer2(n_embed, embed_dim, beta=0.25)
        self.quant_conv = nn.Conv2d(channels, embed_dim, 1)
        self.post_quant_conv: nn.Conv2d | Convolution = nn.Conv2d(embed_dim, channels, 1)

    def prequantised(self, pixels: Tensor) -> Tensor:
        """Pictures [B, 3, H, W] in -1..1 -> the encoder's output [B, D, h, w]."""
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


class VQGenerator(Generator):
    """A VQModel or a GumbelVQ as a Generator; z [B, D, h, w] is quantised to ``codebook`` [K, D].

    ``factor`` is the side in pixels of the square that a token represents. Of ``model``, which
    changes, the part behind the quantiser is replaced by our own with the same weights, frozen.
    """

    def __init__(self, model: VQModel) -> None:
        super().__init__()
        model.post_quant_conv = Convolution(model.post_quant_conv)
        model.decoder = Decoder(model.decoder)
        self.model = model
        self.gumbel = hasattr(model.quantize, "embed")
        self.factor = 2 ** (model.decoder.num_resolutions - 1)
        self.resolution = model.encoder.resolution
        self.wraps = False
        # In a list, or it would be a part of this module.
        self._tiled: list[VQGenerator] = []

    @property
    def codebook(self) -> Tensor:
        """The code vectors [K, D]."""
        quantize = self.model.quantize
        weight: Tensor = (quantize.embed if self.gumbel else quantize.embedding).weight
        return weight

    @property
    def reference(self) -> Tensor:
        """The codebook."""
        return self.codebook

    @property
    def scale(self) -> float:
        """The codebook's standard deviation."""
        return self.codebook.std().item()

    def random_latent(self, height: int, width: int, draws: Draws) -> Tensor:
        """The vectors of uniformly random codes, [1, D, h, w]."""
        rows, columns = height // self.factor, width // self.factor
        codes = draws.integers(Stream.START_CODES, len(self.codebook), (1, rows * columns))
        return self.embed(codes.to(self.codebook.device), rows, columns)

    def encode_latent(self, picture: Tensor, draws: Draws | None = None) -> Tensor:
        """The vectors of the picture's codes, [1, D, h, w]; the clamp does not move these."""
        height, width = picture.shape[-2:]
        return self.embed(self.encode(picture, draws), height // self.factor, width // self.factor)

    @torch.no_grad()
    def encode(self, picture: Tensor, draws: Draws | None = None) -> Tensor:
        """The codes [B, h*w] of a picture [B, 3, H, W] in 0..1; H and W multiples of ``factor``.

        A GumbelVQ samples its codes, in evaluation mode too, with noise from ``draws``;
        without them it takes the most likely codes.
        """
        h = self.model.prequantised(picture * 2 - 1)
        if not self.gumbel:
            return nearest_codes(h, self.codebook)
        logits = self.model.quantize.proj(h)
        if draws is not None:
            drawn = draws.uniform(Stream.ENCODING, logits.shape).to(logits)
            logits = logits - (-(drawn.clamp(1e-20, 1)).log()).clamp(min=1e-20).log()
        codes: Tensor = logits.argmax(dim=1).flatten(1)
        return codes

    def embed(self, codes: Tensor, height: int, width: int) -> Tensor:
        """Codes [B, height*width] -> zq [B, D, height, width]."""
        return embed_codes(codes, self.codebook, height, width)

    def tiled(self) -> VQGenerator:
        """The generator with convolutions that are padded with what is at the opposite border."""
        if not self._tiled:
            tiled = copy.copy(self)
            tiled.wraps = True
            original = self.original
            if original is not None:
                tiled.original = lambda: original().tiled() or original()
            self._tiled.append(tiled)
        return self._tiled[0]

    def decode(self, z: Tensor) -> Tensor:
        """zq [B, D, h, w] -> picture [B, 3, h*factor, w*factor], not yet clamped to 0..1."""
        return self._decode(z, recompute=False)

    def decode_in_less_memory(self, z: Tensor) -> Tensor:
        """:meth:`decode`, of which the upper levels compute parts again in the backward pass."""
        return self._decode(z, recompute=True)

    def _decode(self, z: Tensor, *, recompute: bool) -> Tensor:
        model = self.model
        h = model.post_quant_conv(z.to(model.post_quant_conv.weight.dtype))
        pixels = at_least_float32(model.decoder(h, recompute, self.wraps))
        return (pixels.contiguous() + 1) / 2

    def decode_in_bf16(self) -> None:
        """Round the decoder's convolutions to bf16: half the time on a CPU with AMX."""
        self.model.decoder.to_bf16()
        self.model.post_quant_conv.to(torch.bfloat16)

    def mean_latent(self) -> Tensor:
        """The codebook's mean, [1, D, 1, 1]."""
        return self.codebook.mean(0).view(1, -1, 1, 1)

    def bounds(self) -> tuple[Tensor, Tensor]:
        """The codebook's minimum and maximum per channel, [1, D, 1, 1] each."""
        low, high = self.codebook.aminmax(dim=0)
        return low.view(1, -1, 1, 1), high.view(1, -1, 1, 1)

    def fingerprint(self) -> str:
        """SHA-256 of the codebook only, as in states saved by earlier versions."""
        codebook = self.codebook.detach().to("cpu", torch.float32).contiguous()
        return hashlib.sha256(codebook.numpy().tobytes()).hexdigest()


def build(files: Mapping[str, Path], settings: Mapping[str, Any]) -> VQGenerator:
    """The generator of a yaml ``config`` and a ``checkpoint``; see engine.models.kinds.

    The setting ``latent_scale`` divides the latent so that steps of the usual size suit it (see
    :func:`rescale`). A power of two changes no bit of the picture.
    """
    check_names(settings, ("latent_scale",))
    config = read_config(files["config"])
    generator = build_generator(read_tensors(files["checkpoint"]), config)
    rescale(generator, number(settings, "latent_scale", 1.0, 1e-6, 1e6))
    return generator


def rescale(generator: VQGenerator, scale: float) -> None:
    """Divide the latent by ``scale``, in place; the pictures stay the same."""
    if scale != 1:
        weights = generator.model.state_dict()
        generator.model.load_state_dict(rescaled(weights, scale), strict=False)


def rescaled(weights: Mapping[str, Tensor], scale: float | Tensor) -> dict[str, Tensor]:
    """Those of a VQModel's or GumbelVQ's ``weights`` that change when its latent is divided.

    The convolutions around the quantiser absorb ``scale``, exactly: the codebook and
    ``quant_conv`` are divided (only the codebook of a GumbelVQ, whose encoder gives logits), and
    the weight of ``post_quant_conv`` is multiplied.
    """
    divided = (
        ("quantize.embed.weight",)
        if "quantize.embed.weight" in weights
        else ("quantize.embedding.weight", "quant_conv.weight", "quant_conv.bias")
    )
    return {
        **{name: weights[name] / scale for name in divided},
        "post_quant_conv.weight": weights["post_quant_conv.weight"] * scale,
    }


def build_generator(state_dict: Mapping[str, Tensor], config: Mapping[str, Any]) -> VQGenerator:
    """A generator from a VQGAN's state dict and its yaml's values.

    They can be those of a VQModel, a VQModelInterface or a GumbelVQ, also inside a transformer
    (Net2Net) or a diffusion model; the tensors of training losses are ignored. Raises
    CheckpointError if they do not match.
    """
    described = vq_config(config)
    with torch.device("meta"), Uninitialised():
        model = VQModel(
            dict(described.ddconfig),
            described.n_embed,
            described.embed_dim,
            gumbel=described.gumbel,
        )
    own = vqgan_tensors(state_dict, model.state_dict().keys(), described)
    fill(model, own, Translatable("the {kind} that its yaml describes", kind=described.kind))
    return VQGenerator(model).eval().requires_grad_(False)
