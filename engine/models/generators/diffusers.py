"""Autoencoders in the folders of Hugging Face's diffusers: VQModel, AutoencoderKL, AutoencoderTiny.

The networks of the first two are taming's (Esser et al. 2021; Rombach et al. 2022) under other
names.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.models.checkpoints import read_tensors
from engine.models.generators.base import Generator
from engine.models.generators.continuous import ContinuousGenerator, KLNetwork
from engine.models.generators.diffusers_config import Config, read_config
from engine.models.generators.diffusers_names import taming_tensors
from engine.models.generators.taming import VQGenerator, VQModel, rescale
from engine.models.generators.tiny import tiny_generator
from engine.models.part_settings import check_names, number
from engine.models.state_dict import Uninitialised, fill
from engine.models.tensor_names import unwrapped

_KL_SCALE = 0.18215  # diffusers' for a config without a scaling_factor


def build(files: Mapping[str, Path], settings: Mapping[str, Any]) -> Generator:
    """The generator of a ``config`` and its ``checkpoint``.

    A VQModel has the setting ``latent_scale`` (see :func:`rescale`); the others' scale is in their
    config.
    """
    config = read_config(files["config"])
    vq = config.kind == "VQModel"
    check_names(settings, ("latent_scale",) if vq else ())
    tensors = unwrapped(read_tensors(files["checkpoint"]))
    if vq:
        generator = _vq(config, tensors)
        rescale(generator, number(settings, "latent_scale", 1.0, 1e-6, 1e6))
        return generator.eval().requires_grad_(False)
    built = (
        _kl(config, tensors) if config.kind == "AutoencoderKL" else tiny_generator(config, tensors)
    )
    return built.eval().requires_grad_(False)


def _vq(config: Config, tensors: Mapping[str, Tensor]) -> VQGenerator:
    ddconfig = config.ddconfig(double_z=False)
    width = ddconfig["z_channels"]
    if config.values.get("vq_embed_dim") is not None:
        width = config.whole("vq_embed_dim")
    with torch.device("meta"), Uninitialised():
        model = VQModel(dict(ddconfig), config.whole("num_vq_embeddings"), width)
    _fill(model, config, tensors)
    generator = VQGenerator(model)
    generator.resolution = config.side()
    return generator


def _kl(config: Config, tensors: Mapping[str, Tensor]) -> ContinuousGenerator:
    ddconfig = config.ddconfig(double_z=True)
    with torch.device("meta"), Uninitialised():
        network = KLNetwork(
            dict(ddconfig),
            config.flag("use_quant_conv", True),
            config.flag("use_post_quant_conv", True),
        )
    _fill(network, config, tensors)
    network.freeze()
    prior = config.prior(ddconfig["z_channels"], _KL_SCALE)
    return ContinuousGenerator(network, prior, config.side())


def _fill(network: torch.nn.Module, config: Config, tensors: Mapping[str, Tensor]) -> None:
    levels, what = len(config.wholes("block_out_channels")), config.described()
    own = taming_tensors(tensors, network.state_dict().keys(), levels, what)
    fill(network, own, what)
