"""What `imagine-models add` makes of a file or a folder."""

import json

import pytest

from engine.errors import CheckpointError
from engine.models.recognition import recognise
from tests.checkpoints import write_vqgan
from tests.engine.models.autoencoders import write_kl, write_taesd, write_tiny, write_vq


def copied(source, to):
    to.write_bytes(source.read_bytes())
    return to


@pytest.mark.parametrize("write", [write_vq, write_kl, write_tiny])
def test_a_folder_of_diffusers_is_known_by_itself_its_config_and_its_weights(tmp_path, write):
    folder = write(tmp_path / "vae")
    config = folder / "config.json"
    weights = folder / "diffusion_pytorch_model.safetensors"
    for path in (folder, config, weights):
        found = recognise(path)
        assert found.kind == "diffusers"
        assert found.files == {"config": config, "checkpoint": weights}


def test_the_autoencoder_of_a_pipeline_is_found(tmp_path):
    (tmp_path / "model_index.json").write_text("{}")
    with pytest.raises(CheckpointError, match="with 0 autoencoders"):
        recognise(tmp_path)
    folder = write_kl(tmp_path / "vae")
    assert recognise(tmp_path).files["config"] == folder / "config.json"
    write_vq(tmp_path / "movq")
    with pytest.raises(CheckpointError, match="with 2 autoencoders"):
        recognise(tmp_path)


def test_weights_of_another_name_are_taken_if_they_are_the_only_ones(tmp_path):
    folder = write_kl(tmp_path)
    plain = folder / "diffusion_pytorch_model.safetensors"
    other = plain.rename(folder / "half.safetensors")
    assert recognise(folder).files["checkpoint"] == other
    copied(other, folder / "half-ema.safetensors")
    with pytest.raises(CheckpointError, match="2 files that could be the checkpoint"):
        recognise(folder)
    copied(other, plain)
    assert recognise(folder).files["checkpoint"] == plain


def test_weights_of_diffusers_without_their_config_ask_for_it(tmp_path):
    folder = write_kl(tmp_path)
    weights = folder / "diffusion_pytorch_model.safetensors"
    config = (folder / "config.json").rename(folder / "kl.json")
    with pytest.raises(CheckpointError, match=r"needs its config\.json"):
        recognise(weights)
    found = recognise(weights, config)
    assert found.kind == "diffusers"
    assert found.files == {"config": config, "checkpoint": weights}
    assert recognise(folder, config) == found


def test_taesd_s_files_are_a_pair(tmp_path):
    decoder = write_taesd(tmp_path, "taef1", channels=16)
    encoder = tmp_path / "taef1_encoder.safetensors"
    for path in (decoder, encoder, tmp_path):
        found = recognise(path)
        assert found.kind == "taesd"
        assert found.files == {"checkpoint": decoder, "encoder": encoder}
    part = copied(decoder, tmp_path / "half.safetensors")
    with pytest.raises(CheckpointError, match="which one isn't in its name"):
        recognise(part)
    encoder.unlink()
    with pytest.raises(CheckpointError, match=r"also needs its encoder; put taef1_encoder\."):
        recognise(decoder)


def test_a_vqgan_is_found_with_its_yaml(tmp_path):
    checkpoint, config = write_vqgan(tmp_path)
    for path in (checkpoint, tmp_path):
        found = recognise(path)
        assert found.kind == "taming-vq"
        assert found.files == {"config": config, "checkpoint": checkpoint}
    other = copied(config, tmp_path / "other.yaml")
    with pytest.raises(CheckpointError, match=r"its folder has 2, so name it with --config"):
        recognise(checkpoint)
    assert recognise(checkpoint, other).files["config"] == other
    own = copied(config, checkpoint.with_suffix(".yaml"))
    assert recognise(checkpoint).files["config"] == own


def test_a_folder_without_a_model_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(CheckpointError, match="0 files that could be the checkpoint"):
        recognise(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"_class_name": "VQModel"}))
    with pytest.raises(CheckpointError, match="0 files that could be the checkpoint"):
        recognise(tmp_path)
    with pytest.raises(CheckpointError, match="can't be read"):
        recognise(tmp_path / "nowhere")
