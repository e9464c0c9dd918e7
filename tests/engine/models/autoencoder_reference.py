"""diffusers' autoencoders as plain functions of their tensors, from the published code."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from tests.engine.models.autoencoders import GROUPS, LAYERS, WIDTHS

Tensors = Mapping[str, Tensor]


def _conv(t: Tensors, name: str, x: Tensor, **options: int) -> Tensor:
    weight = t[f"{name}.weight"]
    options.setdefault("padding", weight.shape[-1] // 2)
    return F.conv2d(x, weight, t.get(f"{name}.bias"), **options)


def _norm(t: Tensors, name: str, x: Tensor) -> Tensor:
    return F.group_norm(x, GROUPS, t[f"{name}.weight"], t[f"{name}.bias"], 1e-6)


def _resnet(t: Tensors, name: str, x: Tensor) -> Tensor:
    h = _conv(t, f"{name}.conv1", F.silu(_norm(t, f"{name}.norm1", x)))
    h = _conv(t, f"{name}.conv2", F.silu(_norm(t, f"{name}.norm2", h)))
    if f"{name}.conv_shortcut.weight" in t:
        x = _conv(t, f"{name}.conv_shortcut", x)
    return x + h


def _attention(t: Tensors, name: str, x: Tensor) -> Tensor:
    if f"{name}.group_norm.weight" not in t:
        return x
    h = _norm(t, f"{name}.group_norm", x).flatten(2).transpose(1, 2)
    new = f"{name}.to_q.weight" in t
    names = ("to_q", "to_k", "to_v", "to_out.0") if new else ("query", "key", "value", "proj_attn")
    q, k, v = (F.linear(h, t[f"{name}.{n}.weight"], t[f"{name}.{n}.bias"]) for n in names[:3])
    seen = (q @ k.transpose(1, 2) / q.shape[2] ** 0.5).softmax(dim=2) @ v
    out = F.linear(seen, t[f"{name}.{names[3]}.weight"], t[f"{name}.{names[3]}.bias"])
    return x + out.transpose(1, 2).view_as(x)


def _middle(t: Tensors, name: str, x: Tensor) -> Tensor:
    x = _resnet(t, f"{name}.resnets.0", x)
    return _resnet(t, f"{name}.resnets.1", _attention(t, f"{name}.attentions.0", x))


def encode(t: Tensors, pixels: Tensor) -> Tensor:
    """diffusers' Encoder and quant_conv: pixels in -1..1 -> what they call h."""
    x = _conv(t, "encoder.conv_in", pixels)
    for level in range(len(WIDTHS)):
        for layer in range(LAYERS):
            x = _resnet(t, f"encoder.down_blocks.{level}.resnets.{layer}", x)
            x = _attention(t, f"encoder.down_blocks.{level}.attentions.{layer}", x)
        name = f"encoder.down_blocks.{level}.downsamplers.0.conv"
        if f"{name}.weight" in t:
            x = _conv(t, name, F.pad(x, (0, 1, 0, 1)), stride=2, padding=0)
    x = _middle(t, "encoder.mid_block", x)
    x = _conv(t, "encoder.conv_out", F.silu(_norm(t, "encoder.conv_norm_out", x)))
    return _conv(t, "quant_conv", x) if "quant_conv.weight" in t else x


def decode(t: Tensors, latents: Tensor) -> Tensor:
    """post_quant_conv and diffusers' Decoder: latents -> pixels in -1..1."""
    x = _conv(t, "post_quant_conv", latents) if "post_quant_conv.weight" in t else latents
    x = _middle(t, "decoder.mid_block", _conv(t, "decoder.conv_in", x))
    for block in range(len(WIDTHS)):
        for layer in range(LAYERS + 1):
            x = _resnet(t, f"decoder.up_blocks.{block}.resnets.{layer}", x)
            x = _attention(t, f"decoder.up_blocks.{block}.attentions.{layer}", x)
        name = f"decoder.up_blocks.{block}.upsamplers.0.conv"
        if f"{name}.weight" in t:
            x = _conv(t, name, F.interpolate(x, scale_factor=2.0, mode="nearest"))
    return _conv(t, "decoder.conv_out", F.silu(_norm(t, "decoder.conv_norm_out", x)))


def tiny(t: Tensors, x: Tensor, kinds: str) -> Tensor:
    """TAESD's encoder or decoder from its own file.

    ``kinds`` has a letter for each layer: Clamp, conv, strided conv, Block, Relu, Upsample.
    """
    for number, kind in enumerate(kinds):
        if kind == "C":
            x = torch.tanh(x / 3) * 3
        elif kind == "R":
            x = x.relu()
        elif kind == "U":
            x = F.interpolate(x, scale_factor=2.0, mode="nearest")
        elif kind == "B":
            h = _conv(t, f"{number}.conv.0", x).relu()
            h = _conv(t, f"{number}.conv.2", h).relu()
            x = (_conv(t, f"{number}.conv.4", h) + x).relu()
        else:
            x = _conv(t, f"{number}", x, stride=2 if kind == "s" else 1)
    return x


TINY_ENCODER, TINY_DECODER = "cBsBBBsBBBsBBBc", "CcRBBBUcBBBUcBBBUcBc"
