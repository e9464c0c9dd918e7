"""CLIP in the folders of Hugging Face's transformers."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.errors import CheckpointError, ModelError
from engine.models.kinds import PERCEPTORS
from engine.models.perceptor_recognition import recognise_perceptor
from tests.engine.models.libraries import assert_same_tower, transformers
from tests.engine.models.perceptor_files import (
    CLIP_PREPROCESSOR,
    check_paints,
    clip_config,
    clip_tensors,
    write_transformers_clip,
)


def load(path, settings=None):
    found = recognise_perceptor(path)
    assert found.kind == "transformers-clip"
    return PERCEPTORS[found.kind].build(found.files, settings or {})


@pytest.mark.parametrize("gelu", ["quick_gelu", "gelu"])
def test_vectors_and_gradients_are_those_of_transformers(tmp_path, gelu):
    changes = {f"{tower}_config.hidden_act": gelu for tower in ("vision", "text")}
    changes["vision_config.layer_norm_eps"] = 1e-3
    perceptor = load(write_transformers_clip(tmp_path, **changes))
    package = transformers("models.clip.modeling_clip")
    theirs = package.CLIPModel(package.CLIPConfig(**clip_config(**changes))).eval()
    theirs.load_state_dict(clip_tensors())

    def vision(pictures):
        return theirs.visual_projection(theirs.vision_model(pictures).pooler_output)

    assert_same_tower(perceptor.clip.visual, vision, 16)
    ids = torch.stack([perceptor.tokenize(text).ids for text in ("a red fox!", "the sea")])
    read = theirs.text_projection(theirs.text_model(ids).pooler_output)
    read = torch.nn.functional.normalize(read, dim=-1)
    torch.testing.assert_close(perceptor.encode_tokens(ids), read, atol=1e-5, rtol=1e-4)
    assert perceptor.scale == pytest.approx(theirs.logit_scale.exp().item())


def test_it_paints_and_continues_from_a_saved_state(tmp_path):
    perceptor = load(write_transformers_clip(tmp_path))
    assert perceptor.resolution == 16
    assert perceptor.mean.flatten().tolist() == pytest.approx(CLIP_PREPROCESSOR["image_mean"])
    assert perceptor.std.flatten().tolist() == pytest.approx(CLIP_PREPROCESSOR["image_std"])
    check_paints(perceptor)


def test_without_its_preprocessor_it_asks_for_the_normalisation(tmp_path):
    (write_transformers_clip(tmp_path) / "preprocessor_config.json").unlink()
    with pytest.raises(CheckpointError, match=r"preprocessor_config\.json .* `normalisation`"):
        load(tmp_path)
    assert load(tmp_path, {"normalisation": "inception"}).mean.flatten().tolist() == [0.5] * 3
    with pytest.raises(ModelError, match="no setting `quick_gelu`"):
        load(tmp_path, {"quick_gelu": True})


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"vision_config.num_attention_heads": 5}, "width of 48 by 5"),
        ({"text_config.num_attention_heads": "4"}, "width of 32 by '4'"),
        ({"text_config.hidden_act": "gelu"}, "the activations quick_gelu, gelu; both"),
        ({"vision_config.hidden_act": "swish"}, "the activation 'swish'"),
    ],
)
def test_a_config_of_another_checkpoint_is_refused(tmp_path, changes, says):
    with pytest.raises(CheckpointError, match=says) as error:
        load(write_transformers_clip(tmp_path, **changes))
    assert str(tmp_path) in str(error.value)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda state: state.pop("text_projection.weight"), "doesn't have text_projection"),
        (lambda state: state.pop("text_model.encoder.layers.1.mlp.fc2.bias"), "doesn't have"),
        (lambda state: state.update(extra=torch.zeros(1)), "also has extra"),
        (lambda state: state["logit_scale"].fill_(torch.nan), "not finite"),
    ],
)
def test_a_broken_file_is_refused_with_a_sentence(tmp_path, damage, says):
    weights = write_transformers_clip(tmp_path) / "model.safetensors"
    state = load_file(weights)
    damage(state)
    save_file(state, weights)
    with pytest.raises(CheckpointError, match=says) as error:
        load(tmp_path)
    assert str(weights) in str(error.value)
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="damaged or incomplete"):
        load(tmp_path)


def test_a_wrong_normalisation_is_named(tmp_path):
    broken = CLIP_PREPROCESSOR | {"image_std": [0, 0, 0]}
    folder = write_transformers_clip(tmp_path)
    (folder / "preprocessor_config.json").write_text(json.dumps(broken))
    with pytest.raises(CheckpointError, match="`image_std` must be three numbers"):
        load(folder)
