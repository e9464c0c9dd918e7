"""TAESD and its relatives, the tiny autoencoders of madebyollin, and diffusers' AutoencoderTiny.

They are two stacks of residual blocks without normalisation, distilled from the autoencoders of
Stable Diffusion, SD3 and FLUX; a 256 x 256 picture is decoded in a few milliseconds on a GPU.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from engine.errors import CheckpointError
from engine.models.checkpoints import read_tensors
from engine.models.generators.continuous import ContinuousGenerator
from engine.models.generators.diffusers_config import Config, Prior
from engine.models.part_settings import check_names
from engine.models.precision import at_least_float32
from engine.models.state_dict import Uninitialised, fill
from engine.models.tensor_names import unwrapped
from engine.translatable import Translatable

_MAGNITUDE = 3.0  # the decoder saturates there, by tanh
_ENCODER_BLOCKS, _DECODER_BLOCKS, _WIDTHS = (1, 3, 3, 3), (3, 3, 3, 1), (64, 64, 64, 64)
_LAYER = re.compile(r"^(\d+)\.")


class _Block(nn.Module):
    """Three convolutions with a shortcut, C channels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            _conv(width, width), nn.ReLU(), _conv(width, width), nn.ReLU(), _conv(width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> the same shape."""
        return torch.relu(self.conv(x) + x)


def _conv(before: int, after: int, **options: Any) -> nn.Conv2d:
    return nn.Conv2d(before, after, 3, padding=1, **options)


class TinyNetwork(nn.Module):
    """An encoder and a decoder of latents [B, ``channels``, h, w], under diffusers' names.

    ``blocks`` and ``widths`` are those of each level of the encoder and of the decoder, in the
    order in which they are computed.
    """

    def __init__(
        self,
        channels: int,
        blocks: tuple[Sequence[int], Sequence[int]] = (_ENCODER_BLOCKS, _DECODER_BLOCKS),
        widths: tuple[Sequence[int], Sequence[int]] = (_WIDTHS, _WIDTHS),
    ) -> None:
        super().__init__()
        self.channels = channels
        self.factor = 2 ** (len(blocks[1]) - 1)
        self.encoder, self.decoder = nn.Module(), nn.Module()
        layers: list[nn.Module] = []
        for level, (count, width) in enumerate(zip(blocks[0], widths[0], strict=True)):
            first = _conv(width, width, stride=2, bias=False) if level else _conv(3, width)
            layers += [first, *(_Block(width) for _ in range(count))]
        self.encoder.layers = nn.Sequential(*layers, _conv(widths[0][-1], channels))
        layers = [_conv(channels, widths[1][0]), nn.ReLU()]
        for count, width in zip(blocks[1], widths[1], strict=True):
            layers += [_Block(width) for _ in range(count)]
            layers += [nn.Upsample(scale_factor=2), _conv(width, width, bias=False)]
        self.decoder.layers = nn.Sequential(*layers[:-2], _conv(widths[1][-1], 3))

    def encode(self, pictures: Tensor) -> Tensor:
        """Pictures [B, 3, H, W] in 0..1 -> latents [B, C, h, w]."""
        layers: Any = self.encoder.layers
        latents: Tensor = layers(pictures)
        return latents

    def to_bf16(self) -> None:
        """Round the decoder's convolutions to bf16."""
        self.decoder.to(torch.bfloat16)  # convolutions only

    def decode(self, latents: Tensor, recompute: bool = False) -> Tensor:
        """Latents [B, C, h, w] -> pictures [B, 3, H, W], mostly in 0..1."""
        layers: Any = self.decoder.layers
        saturated = (latents / _MAGNITUDE).tanh() * _MAGNITUDE
        return at_least_float32(layers(saturated.to(layers[0].weight.dtype)))


def tiny_generator(config: Config, tensors: Mapping[str, Tensor]) -> ContinuousGenerator:
    """The generator of diffusers' AutoencoderTiny. Raises CheckpointError."""
    for key, value in {
        "act_fn": "relu",
        "upsample_fn": "nearest",
        "upsampling_scaling_factor": 2,
        "latent_magnitude": _MAGNITUDE,
        "in_channels": 3,
        "out_channels": 3,
    }.items():
        config.only(key, value)
    blocks = tuple(
        config.wholes(f"num_{part}_blocks", default)
        for part, default in (("encoder", _ENCODER_BLOCKS), ("decoder", _DECODER_BLOCKS))
    )
    widths = tuple(
        config.wholes(f"{part}_block_out_channels", _WIDTHS) for part in ("encoder", "decoder")
    )
    if len({len(row) for row in (*blocks, *widths)}) > 1:
        raise config.wrong(
            "num_decoder_blocks",
            Translatable("as many levels as widths, {count}", count=len(widths[1])),
        )
    for part, row in zip(("encoder", "decoder"), widths, strict=True):
        if len({*row}) > 1:
            raise config.wrong(
                f"{part}_block_out_channels", Translatable("the same width at each level")
            )
    channels = config.whole("latent_channels", 4, most=1024)
    with torch.device("meta"), Uninitialised():
        network = TinyNetwork(channels, (blocks[0], blocks[1]), (widths[0], widths[1]))
    fill(network, dict(tensors), config.described())
    return ContinuousGenerator(network, config.prior(channels, 1.0), 512, _MAGNITUDE)


def build(files: Mapping[str, Path], settings: Mapping[str, Any]) -> ContinuousGenerator:
    """The generator of TAESD's own files: ``checkpoint`` is the decoder, ``encoder`` the encoder.

    taesd, taesdxl, taesd3 and taef1 have this network; the number of their latents' channels is
    in the files. Raises CheckpointError for another one.
    """
    check_names(settings, ())
    decoder = unwrapped(read_tensors(files["checkpoint"]))
    encoder = unwrapped(read_tensors(files["encoder"]))
    first = decoder.get("1.weight")
    if first is None or first.dim() != 4:
        raise CheckpointError(
            "{path} is not TAESD's decoder, which begins with a layer called 1.",
            path=files["checkpoint"],
        )
    if any(".pool." in name for name in decoder):
        raise CheckpointError(
            "{path} has another network than TAESD: blocks with a pool, as taef2's; use "
            "taesd, taesdxl, taesd3 or taef1.",
            path=files["checkpoint"],
        )
    channels = first.shape[1]
    with torch.device("meta"), Uninitialised():
        network = TinyNetwork(channels)
    own = {f"encoder.layers.{name}": tensor for name, tensor in encoder.items()}
    # Their decoder's first layer is the saturation, which has no numbers.
    own |= {
        "decoder.layers." + _LAYER.sub(lambda part: f"{int(part[1]) - 1}.", name): tensor
        for name, tensor in decoder.items()
    }
    fill(network, own, Translatable("TAESD with {channels} channels", channels=channels))
    prior = Prior((0.0,) * channels, (1.0,) * channels)
    generator = ContinuousGenerator(network, prior, 512, _MAGNITUDE)
    return generator.eval().requires_grad_(False)
