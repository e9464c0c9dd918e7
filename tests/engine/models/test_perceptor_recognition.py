"""What `imagine-models add` makes of a perceptor's file or folder."""

import json
import shutil

import pytest
from safetensors.torch import save_file

from engine.errors import CheckpointError
from engine.models.perceptor_recognition import recognise_perceptor
from tests.checkpoints import open_clip_config, open_clip_state, write_clip, write_clip_archive
from tests.engine.models.perceptor_files import (
    write_open_clip_siglip,
    write_siglip,
    write_transformers_clip,
)

TOKENIZER = {"tokenizer": "tokenizer.json", "tokenizer_config": "tokenizer_config.json"}
PREPROCESSOR = {"preprocessor": "preprocessor_config.json"}
HUB = {"checkpoint": "model.safetensors", "config": "config.json"}
OPEN_CLIP = {"checkpoint": "open_clip_model.safetensors", "config": "open_clip_config.json"}


def write_open_clip(folder):
    folder.mkdir(exist_ok=True)
    save_file(open_clip_state(), folder / "open_clip_model.safetensors")
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": open_clip_config()}))
    return folder


@pytest.mark.parametrize(
    ("write", "kind", "files"),
    [
        (write_transformers_clip, "transformers-clip", HUB | PREPROCESSOR),
        (write_siglip, "siglip", HUB | PREPROCESSOR | TOKENIZER),
        (write_open_clip_siglip, "siglip", OPEN_CLIP | TOKENIZER),
        (write_open_clip, "openai-clip", OPEN_CLIP),
    ],
)
def test_a_folder_is_known_by_itself_its_config_and_its_weights(tmp_path, write, kind, files):
    folder = write(tmp_path / "hub")
    expected = {role: folder / name for role, name in files.items()}
    for path in (folder, expected["config"], expected["checkpoint"]):
        found = recognise_perceptor(path)
        assert (found.kind, found.files) == (kind, expected)
    elsewhere = tmp_path / "elsewhere.json"
    shutil.move(expected["config"], elsewhere)
    for path in (folder, expected["checkpoint"]):
        found = recognise_perceptor(path, elsewhere)
        assert (found.kind, found.files) == (kind, expected | {"config": elsewhere})


@pytest.mark.parametrize("write", [write_clip, write_clip_archive])
def test_openai_s_own_files_need_no_config_even_next_to_one(tmp_path, write):
    clip = write(tmp_path / "ViT.pt")
    (tmp_path / "open_clip_config.json").write_text("{}")
    found = recognise_perceptor(clip)
    assert (found.kind, found.files) == ("openai-clip", {"checkpoint": clip})


def test_what_the_user_says_counts_more_than_a_config_next_to_the_file(tmp_path):
    weights = write_open_clip(tmp_path) / "open_clip_model.safetensors"
    found = recognise_perceptor(weights, settings={"architecture": "openai"})
    assert found.files == {"checkpoint": weights}
    found = recognise_perceptor(weights, settings={"normalisation": "openai"})
    assert "config" in found.files


def test_a_folder_with_both_layouts_takes_the_config_of_the_weights_that_are_there(tmp_path):
    write_transformers_clip(tmp_path)
    write_open_clip(tmp_path)
    assert recognise_perceptor(tmp_path).kind == "openai-clip"
    (tmp_path / "open_clip_model.safetensors").unlink()
    assert recognise_perceptor(tmp_path).kind == "transformers-clip"


@pytest.mark.parametrize(
    ("write", "config"),
    [(write_siglip, "config.json"), (write_open_clip_siglip, "open_clip_config.json")],
)
def test_weights_without_their_config_ask_for_it(tmp_path, write, config):
    weights = next(write(tmp_path).glob("*.safetensors"))
    (tmp_path / config).unlink()
    with pytest.raises(CheckpointError, match=f"needs its {config}; .* --perceptor-config"):
        recognise_perceptor(weights)
    with pytest.raises(CheckpointError, match=f"needs its {config}"):
        recognise_perceptor(tmp_path)


def test_an_empty_folder_and_another_model_s_config_are_refused(tmp_path):
    with pytest.raises(CheckpointError, match="0 files that could be the checkpoint"):
        recognise_perceptor(tmp_path)
    with pytest.raises(CheckpointError, match="'bert'; of Hugging Face's"):
        recognise_perceptor(write_siglip(tmp_path, model_type="bert"))
