"""Weights in several files with an index: found, read, checked, and refused with a sentence."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.errors import CheckpointError
from engine.models.checkpoints import read_tensors
from engine.models.download import file_sha256
from engine.models.kinds import GENERATORS, PERCEPTORS
from engine.models.perceptor_recognition import recognise_perceptor
from engine.models.recognition import recognise
from engine.models.split_weights import all_files
from tests.engine.models.autoencoders import write_kl
from tests.engine.models.libraries import transformers
from tests.engine.models.perceptor_files import (
    clip_config,
    clip_tensors,
    write_open_clip_siglip,
    write_siglip,
    write_transformers_clip,
)


def split(whole: Path, ending: str = "safetensors") -> Path:
    """Replace a safetensors file by three of the published names and their index."""
    tensors = load_file(whole)
    whole.unlink()
    stem = whole.name.partition(".")[0]
    stem = "pytorch_model" if ending == "bin" and stem == "model" else stem
    names = [f"{stem}-{i:05d}-of-00003.{ending}" for i in (1, 2, 3)]
    places = {name: names[i % 3] for i, name in enumerate(tensors)}
    for part in names:
        own = {name: tensors[name] for name in tensors if places[name] == part}
        if ending == "bin":
            torch.save(own, whole.with_name(part))
        else:
            save_file(own, whole.with_name(part))
    index = whole.with_name(f"{stem}.{ending}.index.json")
    index.write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": places}))
    return index


@pytest.mark.parametrize("ending", ["safetensors", "bin"])
@pytest.mark.parametrize(
    ("write", "name"),
    [
        (write_transformers_clip, "model"),
        (write_siglip, "model"),
        (write_open_clip_siglip, "open_clip_model"),
    ],
)
def test_a_perceptor_s_folder_is_read_like_one_with_a_single_file(tmp_path, write, name, ending):
    folder = write(tmp_path)
    whole = folder / f"{name}.safetensors"
    expected = recognise_perceptor(folder)
    tensors = read_tensors(whole)
    index = split(whole, ending)
    part = sorted(folder.glob(f"*-00002-of-*.{ending}"))[0]
    for path in (folder, index, part):
        found = recognise_perceptor(path)
        assert (found.kind, found.files) == (expected.kind, {**expected.files, "checkpoint": index})
    read = read_tensors(index)
    assert read.keys() == tensors.keys()
    assert all(torch.equal(read[each], tensors[each]) for each in tensors)
    # A whole file of the published name comes first, as in the libraries.
    save_file(tensors, whole)
    assert recognise_perceptor(folder).files == expected.files


def test_a_generator_s_folder_is_read_like_one_with_a_single_file(tmp_path):
    folder = write_kl(tmp_path)
    whole = folder / "diffusion_pytorch_model.safetensors"
    z = torch.randn(1, 4, 4, 4)
    pictures = []
    for index in (whole, whole.with_name(f"{whole.name}.index.json")):
        if index != whole:
            assert split(whole) == index
        found = recognise(folder)
        assert found.files["checkpoint"] == index
        pictures.append(GENERATORS[found.kind].build(found.files, {}).decode(z))
    assert torch.equal(*pictures)
    assert recognise(index).files == found.files
    # By any other name as well, and as diffusers calls a variant.
    other = index.rename(folder / "diffusion_pytorch_model.safetensors.index.fp16.json")
    assert recognise(folder).files["checkpoint"] == other
    other = other.rename(folder / "mine.index.json")
    assert recognise(folder).files["checkpoint"] == other


def test_what_transformers_saves_in_several_files_is_read(tmp_path):
    package = transformers("models.clip.modeling_clip")
    theirs = package.CLIPModel(package.CLIPConfig(**clip_config())).eval()
    theirs.load_state_dict(clip_tensors())
    write_transformers_clip(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    theirs.save_pretrained(tmp_path, max_shard_size="40KB")
    assert len(list(tmp_path.glob("model-*-of-*.safetensors"))) > 2
    found = recognise_perceptor(tmp_path)
    assert found.files["checkpoint"].name == "model.safetensors.index.json"
    perceptor = PERCEPTORS[found.kind].build(found.files, {})
    ids = torch.stack([perceptor.tokenize("the sea").ids])
    read = theirs.text_projection(theirs.text_model(ids).pooler_output)
    read = torch.nn.functional.normalize(read, dim=-1)
    torch.testing.assert_close(perceptor.encode_tokens(ids), read, atol=1e-5, rtol=1e-4)


def test_its_sha256_is_of_all_files(tmp_path):
    index = split(write_transformers_clip(tmp_path) / "model.safetensors")
    files = all_files(index)
    assert [file.name[-22:] for file in files[1:]] == [
        f"-0000{i}-of-00003.safetensors"[-22:] for i in (1, 2, 3)
    ]
    before = file_sha256(index)
    digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    assert before == hashlib.sha256("".join(digests).encode()).hexdigest()
    data = bytearray(files[2].read_bytes())
    data[-1] ^= 1
    files[2].write_bytes(data)
    assert file_sha256(index) != before
    config = tmp_path / "config.json"
    assert file_sha256(config) == hashlib.sha256(config.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "is not the index of weights"),
        ("[]", "is not the index of weights"),
        ('{"weight_map": {}}', "is not the index of weights"),
        ('{"weight_map": ["a"]}', "is not the index of weights"),
        ('{"weight_map": {"a": 1}}', "is not the index of weights"),
        ('{"weight_map": {"a": "../secret.safetensors"}}', "is not the index of weights"),
        ('{"weight_map": {"a": "/etc/passwd"}}', "is not the index of weights"),
        ('{"weight_map": {"a": "gone.safetensors"}}', "needs gone.safetensors, which is not in"),
        ('{"weight_map": {"b": "part.safetensors"}}', "has no tensor b, which its index says"),
    ],
)
def test_a_broken_index_is_refused_with_a_sentence(tmp_path, content, says):
    save_file({"a": torch.zeros(1)}, tmp_path / "part.safetensors")
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(content)
    with pytest.raises(CheckpointError) as error:
        read_tensors(index)
    assert says in str(error.value)
    assert str(tmp_path) in str(error.value)
