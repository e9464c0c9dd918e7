"""Tiny autoencoders with random weights, in the layouts that diffusers and TAESD publish.

The names and shapes are written down here from the published code, not taken from the engine's.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

WIDTHS, LAYERS, GROUPS = (32, 64), 1, 32


class _Names:
    """Collects random tensors by name."""

    def __init__(self, seed: int) -> None:
        self.rng = torch.Generator().manual_seed(seed)
        self.tensors: dict[str, Tensor] = {}

    def normal(self, name: str, *shape: int, std: float = 0.1) -> None:
        self.tensors[name] = torch.randn(shape, generator=self.rng) * std

    def conv(self, name: str, before: int, after: int, side: int = 3, bias: bool = True) -> None:
        std = (before * side * side) ** -0.5
        self.normal(f"{name}.weight", after, before, side, side, std=std)
        if bias:
            self.normal(f"{name}.bias", after)

    def norm(self, name: str, width: int) -> None:
        self.normal(f"{name}.weight", width)
        self.tensors[f"{name}.weight"] += 1
        self.normal(f"{name}.bias", width)

    def linear(self, name: str, width: int) -> None:
        self.normal(f"{name}.weight", width, width, std=width**-0.5)
        self.normal(f"{name}.bias", width)

    def resnet(self, name: str, before: int, after: int) -> None:
        self.norm(f"{name}.norm1", before)
        self.conv(f"{name}.conv1", before, after)
        self.norm(f"{name}.norm2", after)
        self.conv(f"{name}.conv2", after, after)
        if before != after:
            self.conv(f"{name}.conv_shortcut", before, after, side=1)

    def attention(self, name: str, width: int, old: bool = False) -> None:
        self.norm(f"{name}.group_norm", width)
        new = ("to_q", "to_k", "to_v", "to_out.0")
        for part in ("query", "key", "value", "proj_attn") if old else new:
            self.linear(f"{name}.{part}", width)

    def middle(self, name: str, width: int, old: bool) -> None:
        self.resnet(f"{name}.resnets.0", width, width)
        self.attention(f"{name}.attentions.0", width, old)
        self.resnet(f"{name}.resnets.1", width, width)


def _networks(
    channels: int, moments: int, seed: int, attention: bool = False, old: bool = False
) -> _Names:
    """diffusers' Encoder and Decoder of two levels; with ``attention`` the smaller one has it."""
    names, last = _Names(seed), len(WIDTHS) - 1
    names.conv("encoder.conv_in", 3, WIDTHS[0])
    before = WIDTHS[0]
    for level, width in enumerate(WIDTHS):
        for layer in range(LAYERS):
            names.resnet(f"encoder.down_blocks.{level}.resnets.{layer}", before, width)
            if attention and level == last:
                names.attention(f"encoder.down_blocks.{level}.attentions.{layer}", width)
            before = width
        if level < last:
            names.conv(f"encoder.down_blocks.{level}.downsamplers.0.conv", width, width)
    names.middle("encoder.mid_block", before, old)
    names.norm("encoder.conv_norm_out", before)
    names.conv("encoder.conv_out", before, moments)
    names.conv("decoder.conv_in", channels, before)
    names.middle("decoder.mid_block", before, old)
    for block, width in enumerate(reversed(WIDTHS)):
        for layer in range(LAYERS + 1):
            names.resnet(f"decoder.up_blocks.{block}.resnets.{layer}", before, width)
            if attention and block == 0:
                names.attention(f"decoder.up_blocks.{block}.attentions.{layer}", width)
            before = width
        if block < last:
            names.conv(f"decoder.up_blocks.{block}.upsamplers.0.conv", width, width)
    names.norm("decoder.conv_norm_out", before)
    names.conv("decoder.conv_out", before, 3)
    return names


def _config(kind: str, attention: bool = False, **values: Any) -> dict[str, Any]:
    down, up = ["DownEncoderBlock2D"] * len(WIDTHS), ["UpDecoderBlock2D"] * len(WIDTHS)
    if attention:
        down[-1], up[0] = "AttnDownEncoderBlock2D", "AttnUpDecoderBlock2D"
    return {
        "_class_name": kind,
        "_diffusers_version": "0.30.0",
        "act_fn": "silu",
        "block_out_channels": list(WIDTHS),
        "down_block_types": down,
        "in_channels": 3,
        "layers_per_block": LAYERS,
        "norm_num_groups": GROUPS,
        "out_channels": 3,
        "sample_size": 32,
        "up_block_types": up,
        **values,
    }


def _write(folder: Path, config: dict[str, Any], tensors: dict[str, Tensor]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    save_file(tensors, folder / "diffusion_pytorch_model.safetensors")
    return folder


def write_vq(folder: Path, *, attention: bool = True, old: bool = False, seed: int = 0) -> Path:
    """A VQModel's folder: 24 codes of 5 numbers for 4 channels, tokens of 2 px."""
    names = _networks(4, 4, seed, attention, old)
    names.conv("quant_conv", 4, 5, side=1)
    names.conv("post_quant_conv", 5, 4, side=1)
    names.normal("quantize.embedding.weight", 24, 5, std=1)
    config = _config(
        *("VQModel", attention), latent_channels=4, num_vq_embeddings=24, vq_embed_dim=5
    )
    return _write(folder, config, names.tensors)


def write_kl(folder: Path, *, quant_conv: bool = True, seed: int = 0, **values: Any) -> Path:
    """An AutoencoderKL's folder: 4 channels, SD's layout or, without ``quant_conv``, SD3's."""
    names = _networks(4, 8, seed)
    if quant_conv:
        names.conv("quant_conv", 8, 8, side=1)
        names.conv("post_quant_conv", 4, 4, side=1)
    else:
        values |= {"use_quant_conv": False, "use_post_quant_conv": False, "shift_factor": 0.25}
    config = _config("AutoencoderKL", **{"latent_channels": 4, "scaling_factor": 0.5, **values})
    return _write(folder, config, names.tensors)


def _tiny(names: _Names, prefix: str, widths: tuple[int, int], first: int) -> None:
    """Layers of TAESD's networks, whose numbers begin at ``first``."""
    before, after = widths
    encoder = after != 3
    at = first
    blocks = (1, 3, 3, 3) if encoder else (3, 3, 3, 1)
    if not encoder:
        names.conv(f"{prefix}{at}", before, 64)
        at += 2  # a ReLU
    for level, count in enumerate(blocks):
        if encoder:
            names.conv(f"{prefix}{at}", 64 if level else before, 64, bias=not level)
            at += 1
        for _ in range(count):
            for part in (0, 2, 4):
                names.conv(f"{prefix}{at}.conv.{part}", 64, 64)
            at += 1
        if not encoder and level < len(blocks) - 1:
            at += 1  # the enlargement
            names.conv(f"{prefix}{at}", 64, 64, bias=False)
            at += 1
    names.conv(f"{prefix}{at}", 64, after)


def write_taesd(folder: Path, name: str = "taesd", channels: int = 4, seed: int = 0) -> Path:
    """TAESD's two files, as madebyollin publishes them; returns the decoder's."""
    folder.mkdir(parents=True, exist_ok=True)
    for part, widths in (("encoder", (3, channels)), ("decoder", (channels, 3))):
        names = _Names(seed)
        _tiny(names, "", widths, 1 if part == "decoder" else 0)
        save_file(names.tensors, folder / f"{name}_{part}.safetensors")
    return folder / f"{name}_decoder.safetensors"


def write_tiny(folder: Path, channels: int = 4, seed: int = 0) -> Path:
    """An AutoencoderTiny's folder with the weights that :func:`write_taesd` writes."""
    encoder, decoder = _Names(seed), _Names(seed)
    _tiny(encoder, "encoder.layers.", (3, channels), 0)
    _tiny(decoder, "decoder.layers.", (channels, 3), 0)
    config = {
        "_class_name": "AutoencoderTiny",
        "_diffusers_version": "0.30.0",
        "act_fn": "relu",
        "decoder_block_out_channels": [64] * 4,
        "encoder_block_out_channels": [64] * 4,
        "force_upcast": False,
        "in_channels": 3,
        "latent_channels": channels,
        "latent_magnitude": 3,
        "latent_shift": 0.5,
        "num_decoder_blocks": [3, 3, 3, 1],
        "num_encoder_blocks": [1, 3, 3, 3],
        "out_channels": 3,
        "scaling_factor": 1.0,
        "upsampling_scaling_factor": 2,
    }
    return _write(folder, config, encoder.tensors | decoder.tensors)
