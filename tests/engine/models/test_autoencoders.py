"""Autoencoders of diffusers and TAESD: values, painting, and files that do not fit."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.testing import assert_close

from engine.errors import CheckpointError, ModelError
from engine.models.generators.taming import VQGenerator
from engine.models.kinds import GENERATORS
from engine.models.recognition import recognise
from engine.painting.synthesis import Synthesis
from engine.random_numbers import Draws
from engine.request.prompt import Prompt
from engine.request.recipe import Recipe
from tests.engine.models import autoencoder_reference as reference
from tests.engine.models.autoencoders import write_kl, write_taesd, write_tiny, write_vq
from tests.engine.tiny import PLAIN, check_resumes, tiny_perceptor

WRITERS = {
    "VQModel": write_vq,
    "VQModel of 2022": lambda folder: write_vq(folder, attention=False, old=True),
    "AutoencoderKL": write_kl,
    "AutoencoderKL of SD3": lambda folder: write_kl(folder, quant_conv=False),
    "AutoencoderTiny": write_tiny,
    "TAESD": write_taesd,
}


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def load(path, settings=None):
    found = recognise(path)
    return GENERATORS[found.kind].build(found.files, settings or {})


def weights(folder):
    return load_file(folder / "diffusion_pytorch_model.safetensors")


@pytest.fixture(params=WRITERS)
def written(request, tmp_path):
    """A folder or file of each layout."""
    return WRITERS[request.param](tmp_path / "model")


def test_each_paints_the_same_again_and_continues_from_a_saved_state(written):
    recipe = Recipe(width=48, height=32, iterations=5, augmentation=PLAIN, learning_rate=0.2)

    def painting():
        return Synthesis(load(written), tiny_perceptor(), [Prompt("a fox")], recipe, 3)

    one, other = painting(), painting()
    before = one.look().image
    assert before.shape == (3, 32, 48)
    one.step()
    check_resumes(one, other)
    assert not torch.equal(one.look().image, before)
    low, high = one.generator.bounds()
    assert (one.latent.z >= low).all()
    assert (one.latent.z <= high).all()
    assert one.generator.fingerprint() == other.generator.fingerprint()


@pytest.mark.parametrize("written", ["VQModel", "AutoencoderKL", "TAESD"], indirect=True)
def test_each_edits_a_picture_only_inside_the_mask(written):
    recipe = Recipe(width=64, height=64, iterations=5, augmentation=PLAIN)
    start = torch.rand(1, 3, 64, 64, generator=rng())
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., :16] = 1
    synthesis = Synthesis(
        load(written), tiny_perceptor(), [Prompt("a fox")], recipe, 3, start=start, mask=mask
    )
    before = synthesis.latent.z.detach().clone()
    synthesis.step()
    changed = (synthesis.latent.z != before).any(1)[0].any(0)
    tokens = 16 // synthesis.generator.factor
    assert changed[:tokens].all()
    assert not changed[tokens:].any()
    assert torch.equal(synthesis.look().image[..., 33:], start[0, ..., 33:])


def test_each_decodes_in_bf16_nearly_the_same(written):
    exact, rounded = load(written), load(written)
    rounded.decode_in_bf16()
    z = exact.random_latent(32, 32, Draws(0))
    decoded = rounded.decode(z)
    assert decoded.dtype == torch.float32
    difference = (decoded - exact.decode(z)).abs()
    assert 0 < difference.mean() < 0.05 * exact.decode(z).std()


def test_less_memory_changes_no_bit(written):
    generator = load(written)
    z = generator.random_latent(32, 32, Draws(0)).requires_grad_()
    pictures = [generator.decode(z), generator.decode_in_less_memory(z)]
    assert torch.equal(*pictures)
    gradients = [torch.autograd.grad(each.square().sum(), z)[0] for each in pictures]
    assert torch.equal(*gradients)


@pytest.mark.parametrize("kind", ["VQModel", "VQModel of 2022"])
def test_a_vqmodel_of_diffusers_has_its_values_and_gradients(tmp_path, kind):
    folder = WRITERS[kind](tmp_path)
    generator, tensors = load(folder), weights(folder)
    assert isinstance(generator, VQGenerator)
    assert generator.resolution == 32
    picture = torch.rand(1, 3, 24, 32, generator=rng())
    h = reference.encode(tensors, picture * 2 - 1)
    codebook = tensors["quantize.embedding.weight"]
    codes = torch.cdist(h.flatten(2).transpose(1, 2), codebook).argmin(2)
    assert torch.equal(generator.encode(picture), codes)
    z = generator.embed(codes, 12, 16).requires_grad_()
    ours, theirs = generator.decode(z), (reference.decode(tensors, z) + 1) / 2
    assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
    weight = torch.rand(ours.shape, generator=rng(1))
    gradients = [torch.autograd.grad((each * weight).sum(), z)[0] for each in (ours, theirs)]
    assert_close(*gradients, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("quant_conv", [True, False])
def test_an_autoencoderkl_of_diffusers_has_its_values_and_its_scale(tmp_path, quant_conv):
    """z is what a diffusion model sees: (latent - shift_factor) * scaling_factor."""
    folder = write_kl(tmp_path, quant_conv=quant_conv)
    generator, tensors = load(folder), weights(folder)
    shift = 0.0 if quant_conv else 0.25
    assert generator.codebook is None
    picture = torch.rand(1, 3, 24, 32, generator=rng())
    mean = reference.encode(tensors, picture * 2 - 1)[:, :4]
    expected = ((mean - shift) * 0.5).clamp(-4, 4)
    assert_close(generator.encode_latent(picture), expected, rtol=1e-4, atol=1e-4)
    z = generator.random_latent(24, 32, Draws(0))
    assert z.shape == (1, 4, 12, 16)
    z.requires_grad_()
    ours, theirs = generator.decode(z), (reference.decode(tensors, z / 0.5 + shift) + 1) / 2
    assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
    weight = torch.rand(ours.shape, generator=rng(1))
    gradients = [torch.autograd.grad((each * weight).sum(), z)[0] for each in (ours, theirs)]
    assert_close(*gradients, rtol=1e-3, atol=1e-3)


def test_a_scale_for_each_channel_is_read(tmp_path):
    means, stds = [0.5, -0.5, 0.0, 1.0], [1.0, 2.0, 0.5, 1.0]
    plain = load(write_kl(tmp_path / "plain"))
    scaled = load(write_kl(tmp_path / "scaled", latents_mean=means, latents_std=stds))
    z = plain.random_latent(16, 16, Draws(0))
    std, mean = torch.tensor(stds).view(1, 4, 1, 1), torch.tensor(means).view(1, 4, 1, 1)
    assert_close(scaled.decode(z), plain.decode(z * std + mean * 0.5), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("channels", [4, 16])
def test_taesd_has_its_values_in_both_layouts(tmp_path, channels):
    file = write_taesd(tmp_path / "own", channels=channels)
    own, theirs = load(file), load(write_tiny(tmp_path / "diffusers", channels=channels))
    z = own.random_latent(32, 48, Draws(0)) * 3
    assert z.shape == (1, channels, 4, 6)
    decoded = reference.tiny(load_file(file), z, reference.TINY_DECODER)
    assert_close(own.decode(z), decoded, rtol=1e-4, atol=1e-4)
    assert torch.equal(own.decode(z), theirs.decode(z))
    picture = torch.rand(1, 3, 32, 48, generator=rng())
    encoder = load_file(file.with_name("taesd_encoder.safetensors"))
    encoded = reference.tiny(encoder, picture, reference.TINY_ENCODER).clamp(-3, 3)
    assert_close(own.encode_latent(picture), encoded, rtol=1e-4, atol=1e-4)


def rewritten(folder, change):
    path = folder / "diffusion_pytorch_model.safetensors"
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda t: t.pop("decoder.up_blocks.1.resnets.0.conv_shortcut.weight"),
            "doesn't have decoder.up_blocks.1.resnets.0.conv_shortcut.weight",
        ),
        (
            lambda t: t.update({"decoder.up_blocks.9.weight": torch.ones(1)}),
            "also has decoder.up_blocks.9.weight",
        ),
        (
            lambda t: t.update({"quantize.embedding.weight": torch.ones(9, 5)}),
            r"quantize.embedding.weight is \[9, 5\], not \[24, 5\]",
        ),
        (
            lambda t: t.update({"quant_conv.bias": torch.full((5,), torch.nan)}),
            "quant_conv.bias that are not finite",
        ),
    ],
)
def test_a_checkpoint_that_is_not_its_config_s_is_refused_with_the_names(tmp_path, change, says):
    folder = write_vq(tmp_path)
    rewritten(folder, change)
    with pytest.raises(CheckpointError, match=says):
        load(folder)


def test_a_damaged_file_of_each_layout_is_refused_by_its_name(written):
    found = recognise(written)
    for file in found.files.values():
        whole = file.read_bytes()
        for broken in (b"", whole[: len(whole) // 2], b"<!DOCTYPE html><html>"):
            file.write_bytes(broken)
            with pytest.raises(CheckpointError) as error:
                GENERATORS[found.kind].build(found.files, {})
            assert str(file) in str(error.value)
        file.write_bytes(whole)
    GENERATORS[found.kind].build(found.files, {})


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"_class_name": "UNet2DModel"}, "'UNet2DModel'; only VQModel, AutoencoderKL"),
        ({"_class_name": None}, "no class of diffusers"),
        ({"norm_type": "spatial"}, "`norm_type` is 'spatial'; the networks here need 'group'"),
        ({"act_fn": "relu"}, "`act_fn` is 'relu'"),
        ({"in_channels": 4}, "`in_channels` is 4; the networks here need 3"),
        ({"block_out_channels": [32, 48]}, r"`block_out_channels` is \[32, 48\]"),
        ({"block_out_channels": "wide"}, "need a list of whole numbers"),
        ({"layers_per_block": 0}, "`layers_per_block` is 0; the networks here need a whole number"),
        ({"down_block_types": ["DownBlock2D"] * 2}, "need 2 of DownEncoderBlock2D"),
        (
            {"up_block_types": ["UpDecoderBlock2D"] * 2},
            "need attention at the same levels as the encoder",
        ),
        ({"mid_block_add_attention": False}, "need true if other blocks have attention"),
        ({"mid_block_add_attention": 1}, "need true or false"),
        ({"vq_embed_dim": -1}, "`vq_embed_dim` is -1"),
    ],
)
def test_a_config_that_would_paint_otherwise_is_refused(tmp_path, change, says):
    folder = write_vq(tmp_path)
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(CheckpointError, match=says) as error:
        load(folder)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"scaling_factor": 0}, "need a positive number"),
        ({"scaling_factor": "1"}, "`scaling_factor` is '1'; the networks here need a number"),
        ({"latents_mean": [1.0]}, "need a list of 4 numbers"),
    ],
)
def test_a_wrong_scale_is_refused(tmp_path, change, says):
    with pytest.raises(CheckpointError, match=says):
        load(write_kl(tmp_path, **change))


def test_other_tiny_networks_are_refused_by_what_differs(tmp_path):
    folder = write_tiny(tmp_path / "tiny")
    path = folder / "config.json"
    plain = json.loads(path.read_text())
    for change, says in (
        ({"upsampling_scaling_factor": 4}, "`upsampling_scaling_factor` is 4"),
        ({"num_decoder_blocks": [3, 3, 1]}, "as many levels as widths, 4"),
        ({"decoder_block_out_channels": [64, 64, 32, 32]}, "the same width at each level"),
    ):
        path.write_text(json.dumps(plain | change))
        with pytest.raises(CheckpointError, match=says):
            load(folder)
    file = write_taesd(tmp_path / "own")
    tensors = load_file(file)
    save_file(tensors | {"3.pool.0.weight": torch.ones(256, 64, 1, 1)}, file)
    with pytest.raises(CheckpointError, match=r"blocks with a pool, as taef2's"):
        load(file)
    save_file({"0.weight": torch.ones(1)}, file)
    with pytest.raises(CheckpointError, match="is not TAESD's decoder"):
        load(file)


def test_a_latent_scale_is_only_for_a_codebook(tmp_path):
    folder = write_vq(tmp_path / "vq")
    plain, scaled = load(folder), load(folder, {"latent_scale": 4})
    assert torch.equal(plain.codebook, scaled.codebook * 4)
    codes = torch.arange(24)[None]
    assert torch.equal(
        plain.decode(plain.embed(codes, 4, 6)), scaled.decode(scaled.embed(codes, 4, 6))
    )
    with pytest.raises(ModelError, match="no setting `latent_scale`"):
        load(write_kl(tmp_path / "kl"), {"latent_scale": 4})
