"""VQGANs in the files that people have: other names, prefixes, averages, and the wrong yaml."""

import copy

import pytest
import torch
from safetensors.torch import save_file

from engine.errors import CheckpointError
from engine.models.checkpoints import read_tensors
from engine.models.generators.taming import VQModel, build_generator
from engine.painting.synthesis import Synthesis
from engine.request.prompt import Prompt
from engine.request.recipe import Recipe
from tests.checkpoints import (
    CODES,
    DDCONFIG,
    WIDTH,
    clip_state,
    net2net_config,
    vqgan_config,
    vqgan_state,
)
from tests.engine.tiny import PLAIN, check_resumes, tiny_perceptor


def prefixed(state, prefix):
    return {prefix + name: tensor for name, tensor in state.items()}


def plain(state):
    return {name: tensor for name, tensor in state.items() if not name.startswith("loss.")}


def changed(state):
    return {name: tensor + 1 for name, tensor in state.items()}


def litema(state, prefix="model_ema."):
    """The averages of latent-diffusion's LitEma, whose buffers can't have dots in their names."""
    flat = {prefix + name.replace(".", ""): tensor for name, tensor in state.items()}
    return flat | {f"{prefix}decay": torch.tensor(0.9999), f"{prefix}num_updates": torch.tensor(9)}


def config_with(**ddconfig):
    config = vqgan_config()
    config["model"]["params"]["ddconfig"] = DDCONFIG | ddconfig
    return config


def assert_is(generator, state):
    """The generator has the weights of ``state``."""
    for name, tensor in plain(state).items():
        assert torch.equal(generator.model.state_dict()[name], tensor.float()), name


LAYOUTS = {
    "data parallel": lambda state: prefixed(state, "module."),
    "compiled": lambda state: prefixed(state, "_orig_mod."),
    "both": lambda state: prefixed(state, "module._orig_mod."),
    "a compiled decoder": lambda state: {
        name.replace("decoder.", "decoder._orig_mod."): tensor for name, tensor in state.items()
    },
    "inside another module": lambda state: prefixed(state, "vqgan."),
    "without losses": plain,
    "only an average": lambda state: prefixed(plain(state), "ema."),
    "only another average": lambda state: prefixed(plain(state), "ema_model.module."),
    "only latent-diffusion's average": litema,
    "an average next to the weights": lambda state: state | litema(changed(state)),
    "another average next to them": lambda state: (
        state | prefixed(plain(changed(state)), "model_ema.")
    ),
    "the first stage and one of label maps": lambda state: (
        prefixed(state, "first_stage_model.")
        | prefixed(changed(state), "cond_stage_model.")
        | {"transformer.tok_emb.weight": torch.ones(2, 2)}
    ),
    "the first stage of a diffusion model": lambda state: (
        prefixed(state, "first_stage_model.")
        | {"model.diffusion_model.input_blocks.0.0.weight": torch.ones(2)}
    ),
}


@pytest.mark.parametrize("kind", ["VQModel", "GumbelVQ"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_vqgan_loads_whatever_is_in_front_of_its_names(layout, kind):
    state = vqgan_state(kind)
    assert_is(build_generator(LAYOUTS[layout](state), vqgan_config(kind)), state)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_a_vqgan_loads_from_safetensors_in_any_precision(tmp_path, dtype):
    state = {name: tensor.to(dtype) for name, tensor in vqgan_state().items()}
    save_file(state, tmp_path / "vqgan.safetensors")
    generator = build_generator(read_tensors(tmp_path / "vqgan.safetensors"), vqgan_config())
    assert_is(generator, state)
    assert {p.dtype for p in generator.parameters()} == {torch.float32}


def test_weights_stored_as_whole_numbers_are_refused():
    state = vqgan_state()
    state["quant_conv.weight"] = state["quant_conv.weight"].mul(100).to(torch.int8)
    with pytest.raises(CheckpointError, match=r"quant_conv\.weight .*int8"):
        build_generator(state, vqgan_config())


def test_two_models_and_two_copies_are_named():
    state = vqgan_state()
    two = prefixed(state, "student.") | prefixed(state, "teacher.")
    with pytest.raises(CheckpointError, match=r"several models \(student, teacher\)"):
        build_generator(two, vqgan_config())
    with pytest.raises(CheckpointError, match="has two tensors for"):
        build_generator(state | prefixed(state, "module."), vqgan_config())


class PublishedInterface(VQModel):
    """latent-diffusion's VQModelInterface: decode quantises, encode does not."""

    def encode(self, pixels):
        return self.quant_conv(self.encoder(pixels))

    def decode(self, h):
        quantised, _, _ = self.quantize(h)
        return self.decoder(self.post_quant_conv(quantised))


def test_latent_diffusion_s_interface_paints_the_same_picture(tmp_path):
    state = vqgan_state()
    theirs = PublishedInterface(DDCONFIG, CODES, WIDTH).eval()
    theirs.load_state_dict(plain(state))
    config = vqgan_config()
    config["model"]["target"] = "ldm.models.autoencoder.VQModelInterface"
    inside = {
        "model": {
            "target": "ldm.models.diffusion.ddpm.LatentDiffusion",
            "params": {"unet_config": {}, "first_stage_config": config["model"]},
        }
    }
    picture = torch.rand(1, 3, 32, 32)
    expected = (theirs.decode(theirs.encode(picture * 2 - 1)).detach() + 1) / 2
    for described, tensors in (
        (config, state),
        (inside, prefixed(state, "first_stage_model.")),
    ):
        ours = build_generator(tensors, described)
        painted = ours.decode(ours.encode_latent(picture))
        torch.testing.assert_close(painted, expected)


@pytest.mark.parametrize(
    ("width", "ddconfig", "factor"),
    [
        (3, {"ch_mult": [1, 2, 4], "attn_resolutions": []}, 4),
        (4, {"ch_mult": [1, 2, 2, 4], "attn_resolutions": [4]}, 8),
    ],
    ids=["vq-f4", "vq-f8"],
)
def test_latent_diffusion_s_published_shapes_paint_and_continue(width, ddconfig, factor):
    """The levels, attention and code widths of vq-f4 and vq-f8, a quarter as wide."""
    config = config_with(z_channels=width, **ddconfig)
    config["model"]["target"] = "ldm.models.autoencoder.VQModelInterface"
    config["model"]["params"]["embed_dim"] = width
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        theirs = PublishedInterface(config["model"]["params"]["ddconfig"], CODES, width).eval()
    theirs.quantize.embedding.weight.data.normal_(generator=torch.Generator().manual_seed(0))
    recipe = Recipe(width=48, height=32, iterations=4, augmentation=PLAIN, learning_rate=0.5)

    def painting():
        ours = build_generator(theirs.state_dict(), config)
        assert ours.factor == factor
        return Synthesis(ours, tiny_perceptor(), [Prompt("a fox")], recipe, 3)

    one, other = painting(), painting()
    picture = torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(1))
    expected = (theirs.decode(theirs.encode(picture * 2 - 1)).detach() + 1) / 2
    painted = one.generator.decode(one.generator.encode_latent(picture))
    torch.testing.assert_close(painted, expected, rtol=1e-4, atol=1e-4)
    one.step()
    check_resumes(one, other)


def test_latent_diffusion_s_vqgan_without_attention_loads():
    model = VQModel(config_with()["model"]["params"]["ddconfig"], CODES, WIDTH)
    state = {name: tensor for name, tensor in model.state_dict().items() if "attn" not in name}
    without = config_with(attn_type="none", attn_resolutions=[])
    generator = build_generator(state, without)
    for coder in (model.encoder, model.decoder):  # what `none` is in latent-diffusion
        coder.mid.attn_1 = torch.nn.Identity()
    for level in (*model.encoder.down, *model.decoder.up):
        level.attn = torch.nn.ModuleList(torch.nn.Identity() for _ in level.attn)
    picture = torch.rand(1, 3, 32, 32) * 2 - 1
    h = model.eval().prequantised(picture)
    torch.testing.assert_close(generator.model.prequantised(picture), h.detach())
    torch.testing.assert_close(generator.model.decode(h), model.decode(h))
    with pytest.raises(CheckpointError, match=r"says attn_type vanilla, attn_resolutions \[16\]"):
        build_generator(state, config_with())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"ch": 64}, "it says ch 64, and the checkpoint has ch 32;"),
        ({"ch_mult": [1, 2, 2]}, r"ch_mult \[1, 2, 2\].* has ch_mult \[1, 2\]"),
        ({"num_res_blocks": 2}, "num_res_blocks 2, and the checkpoint has num_res_blocks 1"),
        ({"z_channels": 64}, "z_channels 64, and the checkpoint has z_channels 32"),
        ({"attn_resolutions": []}, r"attn_resolutions \[\], .* has attn_resolutions \[16\]"),
        ({"attn_type": "none"}, "attn_type none, .* has attn_type vanilla"),
    ],
)
def test_the_yaml_of_another_checkpoint_is_refused_with_the_sizes_that_differ(change, says):
    with pytest.raises(CheckpointError, match=says):
        build_generator(vqgan_state(), config_with(**change))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"tanh_out": True}, "`tanh_out` is True"),
        ({"attn_type": "linear"}, "`attn_type` is 'linear'; .* only 'vanilla', 'none'"),
        ({"use_linear_attn": True}, "`use_linear_attn`"),
        ({"give_pre_end": True}, "`give_pre_end`"),
        ({"use_skips": True}, "has `use_skips`, which the networks here don't have"),
    ],
)
def test_a_yaml_that_would_paint_otherwise_is_refused(change, says):
    with pytest.raises(CheckpointError, match=says):
        build_generator(vqgan_state(), config_with(**change))


@pytest.mark.parametrize(
    ("stage", "says"),
    [
        ({"target": "ldm.models.autoencoder.AutoencoderKL", "params": {}}, "a KL autoencoder"),
        (
            {"target": "ldm.models.diffusion.ddpm.DDPM", "params": {"unet_config": {}}},
            "`DDPM`, a diffusion model, not a VQGAN",
        ),
        ({"target": "taming.models.vqgan.VQSegmentationModel", "params": {}}, "label maps"),
        ({"target": "taming.models.x.Other", "params": {}}, "`Other`, another kind of model"),
    ],
)
def test_a_yaml_of_another_kind_of_model_is_refused_by_its_kind(stage, says):
    inside = net2net_config()
    inside["model"]["params"]["first_stage_config"] = stage
    for config in ({"model": stage}, inside):
        with pytest.raises(CheckpointError, match=says):
            build_generator(vqgan_state(), config)


def kl_autoencoder():
    ddconfig = copy.deepcopy(DDCONFIG) | {"double_z": False}
    state = VQModel(ddconfig, CODES, WIDTH).state_dict()
    return {name: tensor for name, tensor in state.items() if "quantize" not in name}


@pytest.mark.parametrize(
    ("tensors", "says"),
    [
        (kl_autoencoder, "a KL autoencoder, which has no codebook"),
        (
            lambda: (
                prefixed(kl_autoencoder(), "first_stage_model.")
                | {"model.diffusion_model.input_blocks.0.0.weight": torch.ones(1)}
            ),
            "a KL autoencoder, which has no codebook",
        ),
        (
            lambda: {"model.diffusion_model.input_blocks.0.0.weight": torch.ones(1)},
            "a diffusion model",
        ),
        (lambda: {"down_blocks.0.resnets.0.conv1.weight": torch.ones(1)}, "a diffusion model"),
        (
            lambda: {
                "decoder.conv_in.weight": torch.ones(1),
                "decoder.up_blocks.0.resnets.0.conv1.weight": torch.ones(1),
            },
            "an autoencoder in the layout of Hugging Face's diffusers",
        ),
        (clip_state, "a CLIP"),
        (lambda: prefixed(clip_state(), "module."), "a CLIP"),
        (
            lambda: {"transformer.tok_emb.weight": torch.ones(1)},
            "a transformer over codes, without the VQGAN",
        ),
    ],
)
def test_another_kind_of_checkpoint_is_refused_by_its_kind(tensors, says):
    with pytest.raises(CheckpointError, match=f"checkpoint is {says}"):
        build_generator(tensors(), vqgan_config())


def test_tensors_that_do_not_belong_to_a_vqgan_are_named():
    more = vqgan_state() | {"quant_norm.weight": torch.ones(3)}
    with pytest.raises(CheckpointError, match=r"it also has quant_norm\.weight"):
        build_generator(more, vqgan_config())
