"""The loop's decoder against taming's, which defines what is right."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from engine.models import load_models
from engine.models.catalogue import load_catalogue, models_folder
from engine.models.generators.decoder.network import Decoder
from engine.models.generators.taming import VQGenerator
from engine.models.generators.taming_yaml import read_config, vq_config
from engine.models.packages import taming_autoencoder
from engine.random_numbers import Draws
from tests.checkpoints import DDCONFIG

CONFIGS: dict[str, dict[str, Any]] = {
    "one level": {"ch_mult": [1], "attn_resolutions": []},
    "three levels of growing width": {"ch_mult": [1, 2, 4], "attn_resolutions": [8]},
    "more blocks, attention in all levels": {"num_res_blocks": 2, "attn_resolutions": [16, 32]},
    "as f16-16384": {"ch_mult": [1, 1, 2, 2, 4], "num_res_blocks": 2, "attn_resolutions": [2]},
    "as the Gumbel f8-8192": {"ch_mult": [1, 1, 2, 4], "attn_resolutions": [4]},
    "no convolution after upsampling": {"resamp_with_conv": False},
    "latent-diffusion's without attention": {"attn_type": "none"},
    "groups of four": {"norm_groups": 8},
}


def taming_decoder(**changes: Any) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        decoder = taming_autoencoder(**(DDCONFIG | changes))[1]
        for name, weight in decoder.named_parameters():
            if ".norm" in name:  # 1 and 0 would hide what they do
                nn.init.normal_(weight)
    return decoder.eval().requires_grad_(False)


def latent(dtype: torch.dtype = torch.float64, batch: int = 2) -> Tensor:
    return torch.randn(batch, 32, 3, 4, generator=torch.Generator().manual_seed(1)).to(dtype)


def with_gradient(decode: Any, z: Tensor) -> tuple[Tensor, Tensor]:
    z = z.clone().requires_grad_()
    picture = decode(z)
    weights = torch.linspace(-1, 1, picture.numel(), dtype=picture.dtype).view(picture.shape)
    (picture * weights).sum().backward()
    assert z.grad is not None
    return picture.detach(), z.grad


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize(("dtype", "most"), [(torch.float64, 1e-10), (torch.float32, 1e-4)])
def test_pictures_and_gradients_are_taming_s(config, dtype, most):
    taming = taming_decoder(**CONFIGS[config]).to(dtype)
    ours = Decoder(taming)
    assert {k: v.shape for k, v in ours.state_dict().items()} == {
        k: v.shape for k, v in taming.state_dict().items()
    }
    for mine, theirs in zip(
        with_gradient(ours, latent(dtype)), with_gradient(taming, latent(dtype)), strict=True
    ):
        assert (mine - theirs).norm() < most * theirs.norm()


def test_in_bf16_they_are_as_close_to_float32_as_taming_s_modules_in_bf16():
    taming = taming_decoder(**CONFIGS["as f16-16384"])
    ours = Decoder(taming)
    ours.to_bf16()
    z = latent(torch.bfloat16)
    exact = with_gradient(taming, z.float())
    rounded = with_gradient(taming.to(torch.bfloat16), z)
    for mine, theirs, right in zip(with_gradient(ours, z), rounded, exact, strict=True):
        assert mine.dtype == torch.bfloat16
        error = (mine.float() - right).norm() / right.norm()
        assert error < 0.1  # taming's is 0.05 where bf16 is emulated
        assert error < 1.2 * (theirs.float() - right).norm() / right.norm()


@pytest.mark.parametrize("name", ["drawn", "natural"])
def test_the_embedded_generators_paint_as_taming_does(name):
    generator = load_models(name, device="cpu", precision="float32").generator
    assert isinstance(generator, VQGenerator)
    ours = generator.model.decoder
    config = {key: value for key, value in _ddconfig(name).items() if key != "double_z"}
    taming = taming_autoencoder(**config)[1].eval().requires_grad_(False)
    taming.load_state_dict(ours.state_dict())
    z = generator.random_latent(32, 48, Draws(2))
    z = generator.model.post_quant_conv(z)
    for mine, theirs in zip(with_gradient(ours, z), with_gradient(taming, z), strict=True):
        assert (mine - theirs).norm() < 1e-4 * theirs.norm()


def test_weights_get_no_gradient_and_none_is_computed():
    taming = taming_decoder(**CONFIGS["three levels of growing width"])
    ours = Decoder(taming).requires_grad_()  # in spite of which nothing is computed for them
    z = latent(torch.float32).requires_grad_()
    with FlopCounterMode(display=False) as forward:
        picture = ours(z)
    with FlopCounterMode(display=False) as backward:
        picture.sum().backward()
    assert all(weight.grad is None for weight in ours.parameters())
    # Gradients of the weights would double it; attention computes its matrix again.
    assert backward.get_total_flops() < 1.1 * forward.get_total_flops()


def test_recomputing_keeps_less_and_changes_no_bit():
    ours = Decoder(taming_decoder(**CONFIGS["as f16-16384"]))
    z = latent(torch.float32)
    kept = {}

    def decode(recompute: bool) -> tuple[Tensor, Tensor]:
        sizes: dict[int, int] = {}

        def keep(tensor: Tensor) -> Tensor:
            sizes[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        def run(z: Tensor) -> Tensor:
            with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
                return ours(z, recompute)

        result = with_gradient(run, z)
        weights = {weight.data_ptr() for weight in ours.parameters()}
        kept[recompute] = sum(size for place, size in sizes.items() if place not in weights)
        return result

    for mine, plain in zip(decode(True), decode(False), strict=True):
        assert torch.equal(mine, plain)
    assert kept[True] < 0.7 * kept[False]


def test_a_changed_weight_is_seen_behind_the_upsampling():
    ours = Decoder(taming_decoder())
    before = ours(latent(torch.float32))
    weight = ours.get_parameter("up.1.upsample.conv.weight")
    weight.mul_(2)
    assert not torch.equal(ours(latent(torch.float32)), before)
    weight.div_(2)
    assert torch.equal(ours(latent(torch.float32)), before)


def _ddconfig(name: str) -> dict[str, Any]:
    source = load_catalogue().model(name).generator.files["config"]
    return dict(vq_config(read_config(source.location(models_folder(None)))).ddconfig)
