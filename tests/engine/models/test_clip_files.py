"""CLIPs in the files that people have: whose heads and activation are said, certain or refused."""

import dataclasses
import json

import pytest
import torch
from safetensors.torch import save_file

from engine.errors import CheckpointError, ModelError
from engine.models.checkpoints import read_tensors
from engine.models.perceptors.clip_architecture import (
    NORMALISATIONS,
    PUBLISHED,
    ClipStatement,
    Published,
    read_statement,
    stated_architecture,
)
from engine.models.perceptors.clip_sizes import ClipSizes, clip_sizes
from engine.models.perceptors.openai_clip import assemble, build, build_perceptor
from engine.models.state_dict import Uninitialised
from tests.checkpoints import (
    OPEN_CLIP_HEADS,
    clip_state,
    open_clip_config,
    open_clip_state,
    vqgan_state,
    write_clip_archive,
)
from tests.engine.models import clip_reference

MEAN, STD = NORMALISATIONS["openai"]


@pytest.fixture
def small_published(monkeypatch):
    """The small ViT's sizes as a published architecture, with its heads."""
    monkeypatch.setitem(PUBLISHED, "ViT-tiny-8", Published(24, 8, 80, 2, OPEN_CLIP_HEADS, 64, 2))


@pytest.mark.parametrize("quick", [False, True])
@pytest.mark.parametrize("text_heads", [1, 2])
def test_vectors_and_gradients_are_those_of_the_published_formulas(quick, text_heads):
    state = open_clip_state()
    mean, std = [0.4, 0.5, 0.6], [0.2, 0.3, 0.25]
    config = {
        "model_cfg": open_clip_config(quick_gelu=quick, **{"text_cfg.heads": text_heads}),
        "preprocess_cfg": {"mean": mean, "std": std},
    }
    perceptor = build_perceptor(state, config=config)
    assert perceptor.resolution == 16
    pictures = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(3))
    ours, theirs = pictures.clone().requires_grad_(), pictures.clone().requires_grad_()
    seen = perceptor.encode_image(ours)
    expected = torch.stack(
        [
            clip_reference.encode_image(state, each, OPEN_CLIP_HEADS, quick, mean, std)
            for each in theirs
        ]
    )
    torch.testing.assert_close(seen, expected, atol=1e-5, rtol=1e-5)
    direction = torch.randn(seen.shape, generator=torch.Generator().manual_seed(4))
    (seen * direction).sum().backward()
    (expected * direction).sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad, atol=1e-5, rtol=1e-4)
    ids = perceptor.tokenize("a fox in the snow").ids
    read = clip_reference.encode_text(state, ids, text_heads, quick)
    torch.testing.assert_close(perceptor.encode_tokens(ids[None])[0], read, atol=1e-5, rtol=1e-5)
    # Each of them would be another vector with another number of heads or activation.
    for other in (
        clip_reference.encode_image(state, pictures[0], 1, quick, mean, std),
        clip_reference.encode_image(state, pictures[0], OPEN_CLIP_HEADS, not quick, mean, std),
    ):
        assert (other - expected[0]).abs().max() > 1e-3


def test_a_resnet_s_heads_and_activation_come_from_the_config():
    state = clip_state("RN")
    official = build_perceptor(state)
    tuned = {k: v for k, v in state.items() if k not in ("input_resolution", "vocab_size")}
    tuned.pop("context_length")
    config = open_clip_config(
        embed_dim=32,
        quick_gelu=True,
        vision_cfg={
            "image_size": 32,
            "layers": [1, 1, 1, 1],
            "width": 8,
            "patch_size": None,
        },
        text_cfg={"width": 64, "heads": 1, "layers": 2},
    )
    picture = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    same = build_perceptor(tuned, config=config)
    assert torch.equal(same.encode_image(picture), official.encode_image(picture))
    assert torch.equal(same.encode_text(["a fox"]), official.encode_text(["a fox"]))
    config["vision_cfg"]["head_width"] = 128
    config["quick_gelu"] = False
    other = build_perceptor(tuned, config=config)
    assert other.clip.visual.attnpool.num_heads == 2
    assert not torch.allclose(other.encode_image(picture), official.encode_image(picture))
    assert not torch.allclose(other.encode_text(["a fox"]), official.encode_text(["a fox"]))


def test_a_file_without_heads_and_activation_is_refused_with_what_to_add(small_published):
    state = open_clip_state()
    with pytest.raises(
        CheckpointError, match=r"sizes of ViT-tiny-8, .* `quick_gelu` .* as `config`"
    ):
        build_perceptor(state)
    for quick in (True, False):
        perceptor = build_perceptor(state, ClipStatement(quick_gelu=quick))
        seen = perceptor.encode_image(torch.full((1, 3, 16, 16), 0.25))[0]
        expected = clip_reference.encode_image(
            state, torch.full((3, 16, 16), 0.25), OPEN_CLIP_HEADS, quick, MEAN, STD
        )
        torch.testing.assert_close(seen, expected, atol=1e-5, rtol=1e-5)


def test_sizes_of_no_published_architecture_are_refused():
    with pytest.raises(CheckpointError, match=r"no published CLIP .* set `architecture` to openai"):
        build_perceptor(open_clip_state(), ClipStatement(quick_gelu=False))


def test_openai_s_own_files_need_nothing_said_and_contradict_what_is_false(tmp_path):
    for state in (clip_state(), read_tensors(write_clip_archive(tmp_path / "clip.pt"))):
        assert build_perceptor(state).clip.transformer.resblocks[0].attn.num_heads == 1
        for statement in (
            ClipStatement(quick_gelu=False),
            ClipStatement(normalisation="inception"),
            ClipStatement("ViT-B-32", quick_gelu=True),
        ):
            with pytest.raises(CheckpointError, match=r"OpenAI's own|is not a ViT-B-32"):
                build_perceptor(state, statement)
        with pytest.raises(CheckpointError, match="needs no config"):
            build_perceptor(state, config=open_clip_config())
    tuned = clip_state()
    for name in ("input_resolution", "context_length", "vocab_size"):
        del tuned[name]
    with pytest.raises(CheckpointError, match="no published CLIP has its sizes"):
        build_perceptor(tuned)  # as OpenAI's program saves it after training
    same = build_perceptor(tuned, read_statement({"architecture": "openai"}))
    picture = torch.rand(1, 3, 32, 32)
    assert torch.equal(
        same.encode_image(picture), build_perceptor(clip_state()).encode_image(picture)
    )


def sizes_of(published, resolution=224):
    return ClipSizes(
        published.embed_dim,
        resolution,
        published.patch,
        published.vision_width,
        published.vision_layers,
        None if published.patch is None else 4 * published.vision_width,
        published.text_width,
        published.text_layers,
        4 * published.text_width,
        77,
    )


@pytest.mark.parametrize(
    ("name", "heads", "text_heads"),
    [
        ("ViT-B-32", 12, 8),
        ("ViT-L-14", 16, 12),
        ("ViT-H-14", 16, 16),
        ("ViT-g-14", 16, 16),
        ("ViT-bigG-14", 16, 20),
        ("RN50", 32, 8),
        ("RN50x4", 40, 10),
    ],
)
def test_published_architectures_have_their_own_heads(name, heads, text_heads):
    sizes = sizes_of(PUBLISHED[name])
    said = ClipStatement(quick_gelu=False, normalisation="openai")
    found = stated_architecture(sizes, said)
    assert (found.vision_heads, found.text_heads, found.quick_gelu) == (heads, text_heads, False)
    quick = stated_architecture(sizes, read_statement({"architecture": f"{name}-quickgelu"}))
    assert (quick.vision_heads, quick.quick_gelu) == (heads, True)
    with pytest.raises(CheckpointError, match="`quick_gelu`"):
        stated_architecture(sizes, read_statement({"architecture": name}))


@pytest.mark.parametrize(
    ("name", "resolution", "hidden", "millions"),
    [  # of OpenCLIP's docs/model_profile.csv
        ("RN50", 224, None, 102.01),
        ("RN101", 224, None, 119.69),
        ("RN50x4", 288, None, 178.3),
        ("RN50x16", 384, None, 290.98),
        ("RN50x64", 448, None, 623.26),
        ("ViT-S-32", 224, 1536, 63.09),
        ("ViT-S-16", 224, 1536, 62.26),
        ("ViT-M-32", 224, 2048, 103.12),
        ("ViT-M-16", 224, 2048, 102.02),
        ("ViT-B-32", 224, 3072, 151.28),
        ("ViT-B-16", 224, 3072, 149.62),
        ("ViT-B-32-plus", 256, 3584, 210.3),
        ("ViT-B-16-plus", 240, 3584, 208.38),
        ("ViT-L-16", 224, 4096, 427.74),
        ("ViT-L-14", 224, 4096, 427.62),
        ("ViT-H-16", 224, 5120, 986.26),
        ("ViT-H-14", 224, 5120, 986.11),
        ("ViT-g-14", 224, 6144, 1366.68),
        ("ViT-bigG-14", 224, 8192, 2539.57),
        ("ViT-e-14", 224, 15360, 4581.09),
    ],
)
def test_published_architectures_have_the_published_number_of_parameters(
    name, resolution, hidden, millions
):
    sizes = dataclasses.replace(sizes_of(PUBLISHED[name], resolution), vision_hidden=hidden)
    said = ClipStatement(quick_gelu=False, normalisation="openai")
    with torch.device("meta"), Uninitialised():
        network = assemble(sizes, stated_architecture(sizes, said))
    assert clip_sizes(network.state_dict()) == sizes
    count = sum(parameter.numel() for parameter in network.parameters())
    assert count / 1e6 == pytest.approx(millions, abs=0.006)


def test_no_two_published_architectures_have_the_same_sizes():
    sizes = {name: sizes_of(each) for name, each in PUBLISHED.items()}
    for name, each in PUBLISHED.items():
        assert [other for other in sizes if each.fits(sizes[other])] == [name]
        width = each.vision_width if each.patch else 32 * each.vision_width
        assert width % each.vision_heads == 0


def test_the_architecture_with_two_published_normalisations_asks_for_one():
    sizes = sizes_of(PUBLISHED["ViT-L-14"])
    with pytest.raises(CheckpointError, match=r"two normalisations .* inception for laion2b_s32b"):
        stated_architecture(sizes, ClipStatement(quick_gelu=False))
    assert stated_architecture(sizes, ClipStatement(quick_gelu=True)).mean == MEAN
    other = stated_architecture(sizes, ClipStatement(quick_gelu=False, normalisation="inception"))
    assert other.mean == other.std == (0.5, 0.5, 0.5)


def test_another_architecture_than_the_checkpoint_s_is_refused():
    said = read_statement({"architecture": "ViT-H-14-quickgelu"})
    with pytest.raises(CheckpointError, match=r"not a ViT-H-14-quickgelu: .* 1408 wide with 40"):
        stated_architecture(sizes_of(PUBLISHED["ViT-g-14"]), said)
    larger = read_statement({"architecture": "ViT-H-14-378-quickgelu"})
    assert stated_architecture(sizes_of(PUBLISHED["ViT-H-14"], 378), larger).vision_heads == 16
    with pytest.raises(CheckpointError, match="for 224 pixels"):
        stated_architecture(sizes_of(PUBLISHED["ViT-H-14"]), larger)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"architecture": "ViT-X"}, "no architecture called 'ViT-X'; choose one of openai, RN50"),
        ({"architecture": 3}, "no architecture called 3"),
        ({"quick_gelu": "yes"}, "`quick_gelu` must be true or false, not 'yes'"),
        ({"normalisation": "mine"}, "`normalisation` must be one of openai, inception"),
        ({"architecture": "openai", "quick_gelu": False}, "openai has QuickGELU"),
        ({"architecture": "ViT-H-14-quickgelu", "quick_gelu": False}, "has QuickGELU"),
        ({"heads": 16}, "no setting `heads`"),
    ],
)
def test_wrong_settings_are_named(settings, says):
    with pytest.raises(ModelError, match=says):
        read_statement(settings)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"vision_cfg.width": 96}, "says width 96, and the checkpoint has width 80;"),
        ({"vision_cfg.image_size": 32, "embed_dim": 7}, "embed_dim 7, image_size 32, .* has embed"),
        ({"text_cfg.layers": 3}, "text layers 3"),
        ({"text_cfg.context_length": 64}, "context_length 64"),
        ({"vision_cfg.head_width": 64}, "width of 80 by 64, which leaves a remainder"),
        ({"text_cfg.heads": 0}, "width of 64 by 0"),
        ({"vision_cfg.no_ln_pre": True}, r"vision_cfg\.no_ln_pre = true, which OpenAI's"),
        ({"vision_cfg.pool_type": "avg"}, 'pool_type = "avg"'),
        ({"vision_cfg.norm_kwargs": {"eps": 1e-6}}, "norm_kwargs"),
        ({"vision_cfg.timm_model_name": "convnext_base"}, "timm_model_name"),
        ({"text_cfg.no_causal_mask": True}, r"text_cfg\.no_causal_mask"),
        ({"text_cfg.hf_model_name": "roberta-base"}, "hf_model_name"),
        ({"custom_text": True}, "has custom_text = true"),
    ],
)
def test_a_config_of_another_checkpoint_or_network_is_refused(change, says):
    with pytest.raises(CheckpointError, match=says):
        build_perceptor(open_clip_state(), config=open_clip_config(**change))


def test_a_config_with_usual_values_is_accepted():
    usual = {
        "vision_cfg.pool_type": "tok",
        "vision_cfg.no_ln_pre": False,
        "vision_cfg.patch_dropout": 0.5,
        "vision_cfg.ls_init_value": None,
        "text_cfg.pool_type": "argmax",
    }
    perceptor = build_perceptor(open_clip_state(), config=open_clip_config(**usual))
    assert perceptor.mean.flatten().tolist() == pytest.approx(MEAN)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "not a config in JSON"),
        ("[1]", "not a config in JSON"),
        ("{}", "no `vision_cfg`"),
        ('{"architectures": ["CLIPModel"], "vision_config": {}}', "open_clip_config.json"),
    ],
)
def test_another_file_than_a_config_is_refused(tmp_path, text, says):
    config, checkpoint = tmp_path / "config.json", tmp_path / "clip.safetensors"
    config.write_text(text)
    with pytest.raises(CheckpointError, match=says) as error:
        build({"checkpoint": checkpoint, "config": config}, {})
    assert str(config) in str(error.value)


def test_a_config_leaves_nothing_else_to_say(tmp_path):
    files = {"checkpoint": tmp_path / "clip.safetensors", "config": tmp_path / "config.json"}
    save_file(open_clip_state(), files["checkpoint"])
    files["config"].write_text(json.dumps(open_clip_config()))
    assert build(files, {}).clip.visual.transformer.resblocks[0].attn.num_heads == OPEN_CLIP_HEADS
    with pytest.raises(CheckpointError, match="Both a config and"):
        build(files, {"quick_gelu": True})
    files["config"].write_text(
        json.dumps({"model_cfg": open_clip_config(), "preprocess_cfg": {"mean": [0.5], "std": 1}})
    )
    with pytest.raises(CheckpointError, match="`mean` must be three numbers"):
        build(files, {})


@pytest.mark.parametrize(
    "layout",
    [
        lambda state: {f"module.{name}": tensor for name, tensor in state.items()},
        lambda state: {f"_orig_mod.clip.{name}": tensor for name, tensor in state.items()},
        lambda state: {f"ema.{name}": tensor for name, tensor in state.items()},
        lambda state: {name: tensor.bfloat16() for name, tensor in state.items()},
        lambda state: state | {f"ema.{name}": tensor + 1 for name, tensor in state.items()},
        lambda state: state | {"attn_mask": torch.zeros(77, 77)},
    ],
)
def test_a_clip_loads_whatever_is_in_front_of_its_names(layout):
    state = {name: tensor.bfloat16().float() for name, tensor in open_clip_state().items()}
    perceptor = build_perceptor(layout(state), config=open_clip_config())
    for name, tensor in perceptor.clip.state_dict().items():
        assert torch.equal(tensor, state[name]), name


def test_averages_without_dots_are_refused_by_their_cause():
    flat = {
        f"model_ema.{name.replace('.', '')}": tensor for name, tensor in open_clip_state().items()
    }
    with pytest.raises(CheckpointError, match="only averaged weights, under names without dots"):
        build_perceptor(flat)


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["vision_model.encoder.layers.0.mlp.fc1.weight"], "Hugging Face's transformers"),
        (["visual.trunk.stem.0.weight", "text.token_embedding.weight"], "a timm network"),
        (["visual.conv1.weight", "text.transformer.resblocks.0.ln_1.weight"], "another text tower"),
        (["model.diffusion_model.input_blocks.0.0.weight"], "a diffusion model"),
    ],
)
def test_another_kind_of_model_is_refused_by_its_kind(names, says):
    with pytest.raises(CheckpointError, match=f"is .*{says}.*; a perceptor's checkpoint must be"):
        build_perceptor(dict.fromkeys(names, torch.ones(1)))
    with pytest.raises(CheckpointError, match="is a VQGAN; a perceptor's"):
        build_perceptor(vqgan_state())


def test_an_additional_tensor_is_named():
    state = open_clip_state() | {"logit_bias": torch.zeros(())}
    with pytest.raises(CheckpointError, match="it also has logit_bias"):
        build_perceptor(state, config=open_clip_config())


def test_sizes_are_read_off_the_shapes():
    assert clip_sizes(open_clip_state()) == ClipSizes(24, 16, 8, 80, 2, 344, 64, 2, 256, 77)
