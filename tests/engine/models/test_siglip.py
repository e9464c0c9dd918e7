"""SigLIP and SigLIP 2, in transformers' and in OpenCLIP's layout."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.errors import CheckpointError
from engine.models.kinds import PERCEPTORS
from engine.models.perceptor_recognition import recognise_perceptor
from engine.models.perceptors.siglip import config as siglip_config
from engine.painting.synthesis import Synthesis
from engine.request.prompt import Prompt
from tests.engine.models.libraries import (
    assert_same_tower,
    open_clip,
    piece_packages,
    transformers,
)
from tests.engine.models.perceptor_files import (
    check_paints,
    open_clip_siglip_config,
    open_clip_siglip_tensors,
    siglip_tensors,
    write_open_clip_siglip,
    write_siglip,
)
from tests.engine.models.perceptor_files import (
    siglip_config as published_config,
)
from tests.engine.tiny import tiny_generator, tiny_recipe

WRITERS = {
    "transformers": write_siglip,
    "NaFlex": lambda folder: write_siglip(folder, naflex=True),
    "OpenCLIP": write_open_clip_siglip,
}
TEXTS = ["a red fox", "the sea!"]


@pytest.fixture(autouse=True)
def packages():
    piece_packages()


def load(path):
    found = recognise_perceptor(path)
    assert found.kind == "siglip"
    return PERCEPTORS[found.kind].build(found.files, {})


def rows(perceptor):
    return torch.stack([perceptor.tokenize(text).ids for text in TEXTS])


@pytest.mark.parametrize("gelu", [None, "gelu"])
def test_vectors_and_gradients_are_those_of_transformers(tmp_path, gelu):
    changes = {} if gelu is None else {"vision_config.hidden_act": gelu}
    perceptor = load(write_siglip(tmp_path, **changes))
    package = transformers("models.siglip.modeling_siglip")
    theirs = package.SiglipModel(package.SiglipConfig(**published_config(**changes))).eval()
    theirs.load_state_dict(siglip_tensors())
    networks, ids = perceptor.networks, rows(perceptor)
    assert_same_tower(networks.visual, lambda x: theirs.vision_model(x).pooler_output, 18)
    read = theirs.text_model(ids).pooler_output
    torch.testing.assert_close(networks.text(ids), read, atol=1e-5, rtol=1e-4)
    pictures = torch.rand(2, 3, 18, 18)
    whole = theirs(input_ids=ids, pixel_values=(pictures - 0.5) / 0.5)
    ours = perceptor.scale * perceptor.encode_image(pictures) @ perceptor.encode_tokens(ids).T
    ours = ours + networks.logit_bias
    torch.testing.assert_close(ours, whole.logits_per_image, atol=2e-4, rtol=1e-4)


def test_naflex_sees_squares_as_transformers_does(tmp_path):
    perceptor = load(write_siglip(tmp_path, naflex=True))
    package = transformers("models.siglip2.modeling_siglip2")
    theirs = package.Siglip2Model(package.Siglip2Config(**published_config(naflex=True))).eval()
    theirs.load_state_dict(siglip_tensors(naflex=True))
    cut = transformers("models.siglip2.image_processing_siglip2").convert_image_to_patches

    def vision(pictures):
        patches = torch.stack([cut(picture, 8) for picture in pictures])
        mask, shapes = torch.ones(len(patches), 4), torch.full((len(patches), 2), 2)
        return theirs.vision_model(patches, mask, shapes).pooler_output

    assert perceptor.resolution == 16
    assert_same_tower(perceptor.networks.visual, vision, 16)


def test_vectors_and_gradients_are_those_of_openclip_and_timm(tmp_path):
    perceptor = load(write_open_clip_siglip(tmp_path))
    package, timm = open_clip(), __import__("timm")
    text = package.model.CLIPTextCfg(**open_clip_siglip_config()["text_cfg"])
    tower = package.model._build_text_tower(48, text).eval()
    trunk = timm.create_model(
        "vit_base_patch16_siglip_224", img_size=32, embed_dim=48, depth=2, num_classes=0
    ).eval()
    state = open_clip_siglip_tensors()
    for network, prefix in ((tower, "text."), (trunk, "visual.trunk.")):
        own = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
        network.load_state_dict(own)
    assert_same_tower(perceptor.networks.visual, trunk, 32)
    ids = rows(perceptor)
    torch.testing.assert_close(perceptor.networks.text(ids), tower(ids), atol=1e-5, rtol=1e-4)
    assert perceptor.scale == pytest.approx(state["logit_scale"].exp().item())


def test_all_of_openclip_s_siglips_are_known_with_timm_s_heads_and_activation():
    package, timm = open_clip(), __import__("timm")
    towers = {}
    for name in package.list_models():
        config = package.get_model_config(name)
        assert siglip_config.is_siglip(config) == ("-SigLIP" in name), name
        if siglip_config.is_siglip(config):
            ours = siglip_config.from_open_clip(config)
            towers[config["vision_cfg"]["timm_model_name"]] = ours
    assert len(towers) == 16
    for name, ours in towers.items():
        with torch.device("meta"):
            trunk = timm.create_model(name, depth=1)
        block = trunk.blocks[0]
        assert block.attn.num_heads == trunk.attn_pool.num_heads == ours.heads[0]
        assert block.norm1.eps == trunk.norm.eps == trunk.attn_pool.norm.eps == ours.epsilons[0]
        for act in (block.mlp.act, trunk.attn_pool.mlp.act):
            exact = torch.nn.functional.gelu(torch.ones(()), approximate=ours.gelus[0])
            assert act(torch.ones(())) == exact, name


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_each_paints_and_continues_from_a_saved_state(tmp_path, write):
    check_paints(load(write(tmp_path)))


def test_in_bf16_its_layers_are_close(tmp_path):
    perceptor, half = load(write_siglip(tmp_path)), load(tmp_path)
    half.networks.visual.compute_in_bf16()
    pictures = torch.rand(4, 3, 18, 18)
    gradients = []
    for each in (perceptor, half):
        own = pictures.clone().requires_grad_()
        (each.encode_image(own) @ perceptor.encode_text(TEXTS).T).sum().backward()
        assert own.grad is not None
        gradients.append(own.grad.flatten(1))
    assert torch.cosine_similarity(gradients[0], gradients[1]).min() > 0.995


def test_texts_are_padded_to_their_length_and_unknown_words_are_named(tmp_path):
    two = load(write_siglip(tmp_path / "two"))
    tokens = two.tokenize("A red FOX")
    # a, a space, red, a space, fox; <eos>, <pad>.
    assert tokens.ids.tolist() == [5, 4, 21, 4, 23, 1] + [0] * 6
    assert (tokens.count, tokens.cut, tokens.unknown) == (5, 0, ())
    assert two.tokenize("fox" * 20).cut == 9
    assert two.tokenize("fox 🦊").unknown == ()  # pieces for its bytes
    one = load(write_open_clip_siglip(tmp_path / "one"))
    tokens = one.tokenize("a Red, fox: 東京")
    assert tokens.unknown == ("東京",)
    assert tokens.ids.tolist() == [3, 4, 5, 1, *[1] * 8]
    notices = Synthesis(tiny_generator(), one, [Prompt("fox 東京")], tiny_recipe(), 1).notices()
    assert [str(notice) for notice in notices] == [
        'This model doesn\'t know "東京", so it is ignored.'
    ]


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda state: state.pop("logit_bias"), "doesn't have logit_bias"),
        (lambda state: state.pop(next(name for name in state if "conv" not in name)), "have|no "),
        (lambda state: state.update(extra=torch.zeros(1)), "also has extra"),
        (lambda state: state["logit_scale"].fill_(torch.inf), "not finite"),
    ],
)
def test_a_broken_file_is_refused_with_a_sentence(tmp_path, write, damage, says):
    weights = next(write(tmp_path).glob("*.safetensors"))
    state = load_file(weights)
    damage(state)
    save_file(state, weights)
    with pytest.raises(CheckpointError, match=says) as error:
        load(tmp_path)
    assert str(weights) in str(error.value)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"vision_config.num_attention_heads": 5}, "width of 48 by 5"),
        ({"vision_config.image_size": 32}, "says image_size 32, and the checkpoint has 4 patches"),
        ({"vision_config.hidden_act": "relu"}, "the activation 'relu'"),
        ({"vision_config.vision_use_head": False}, "without a MAP head"),
        ({"model_type": "blip"}, "'blip'; of Hugging Face's"),
    ],
)
def test_a_config_of_another_checkpoint_is_refused(tmp_path, changes, says):
    with pytest.raises(CheckpointError, match=says):
        load(write_siglip(tmp_path, **changes))


def test_a_tokenizer_of_another_model_is_refused(tmp_path):
    folder = write_siglip(tmp_path)
    file = folder / "tokenizer_config.json"
    file.write_text(json.dumps({"eos_token": "<eos>"}))
    with pytest.raises(CheckpointError, match="no `pad_token`"):
        load(folder)
    file.unlink()
    with pytest.raises(CheckpointError, match=r"needs its tokenizer: put tokenizer\.json"):
        load(folder)
