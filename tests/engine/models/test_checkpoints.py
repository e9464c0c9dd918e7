import contextlib
import gzip
import io
import os
import pickle
import zipfile

import hypothesis
import pytest
import torch
from hypothesis import strategies as st
from safetensors.torch import save, save_file

from engine.errors import CheckpointError
from engine.models.checkpoints import read_tensors
from tests.checkpoints import (
    clip_state,
    vqgan_state,
    write_clip,
    write_clip_archive,
    write_lightning,
)


class RunsWhenRead:
    """A pickle of it creates the folder ``flag`` if the plain unpickler reads it."""

    def __init__(self, flag):
        self.flag = str(flag)

    def __reduce__(self):
        return os.mkdir, (self.flag,)


def rewritten(source, target, change):
    """Copy a zip, uncompressed, with each member's bytes replaced by ``change(name, data)``."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return target


def assert_same(read, written):
    assert set(read) == set(written)
    for name, tensor in written.items():
        assert torch.equal(read[name], tensor), name
        assert read[name].dtype == tensor.dtype, name


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("kind", ["VQModel", "GumbelVQ"])
def test_a_lightning_checkpoint_of_2021_gives_its_tensors(tmp_path, kind, legacy):
    state = vqgan_state(kind)
    path = write_lightning(tmp_path / "last.ckpt", state, legacy=legacy)
    with pytest.raises(pickle.UnpicklingError, match="ModelCheckpoint"):
        torch.load(path, weights_only=True)  # which is why the replacement classes are needed
    assert_same(read_tensors(path), state)


@pytest.mark.parametrize("kind", ["ViT", "RN"])
def test_a_clip_archive_gives_the_tensors_of_the_state_dict(tmp_path, kind):
    state = clip_state(kind)
    assert_same(read_tensors(write_clip(tmp_path / "plain.pt", kind)), state)
    read = read_tensors(write_clip_archive(tmp_path / "jit.pt", kind))
    # A trace leaves out what evaluation did not use.
    assert {
        name for name in set(state) - set(read) if not name.endswith("num_batches_tracked")
    } == set()
    assert_same(
        {name: read[name] for name in read if name in state},
        {name: state[name] for name in state if name in read},
    )
    reference = torch.jit.load(tmp_path / "jit.pt").state_dict()
    assert_same({name: read[name] for name in reference}, reference)


def test_the_code_in_a_clip_archive_is_never_read(tmp_path):
    path = write_clip_archive(tmp_path / "jit.pt")
    broken = rewritten(
        path,
        tmp_path / "broken.pt",
        lambda name, data: b"this is no program" if "/code/" in name else data,
    )
    with pytest.raises(RuntimeError):
        torch.jit.load(broken)
    assert_same(read_tensors(broken), read_tensors(path))


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("legacy", [False, True])
def test_a_pickle_that_runs_code_is_refused_and_does_not_run(tmp_path, legacy, protocol):
    flag = tmp_path / "it ran"
    pickle.loads(pickle.dumps(RunsWhenRead(flag)))
    assert flag.is_dir()  # it does without our reader
    flag.rmdir()
    path = tmp_path / "last.ckpt"
    torch.save(
        {"state_dict": vqgan_state(), "callbacks": RunsWhenRead(flag)},
        path,
        pickle_protocol=protocol,
        _use_new_zipfile_serialization=not legacy,
    )
    with pytest.raises(CheckpointError) as refusal:
        read_tensors(path)
    assert not flag.exists()
    assert str(path) in str(refusal.value)
    if protocol == 2:  # torch does not read the way in which later protocols name classes
        assert "posix.mkdir" in str(refusal.value)


def test_a_class_hidden_among_lightnings_does_not_run_either(tmp_path):
    flag = tmp_path / "it ran"
    path = write_lightning(tmp_path / "good.ckpt", vqgan_state())
    evil = pickle.dumps({"state_dict": {}, "x": RunsWhenRead(flag)}, protocol=2)
    disguised = evil.replace(b"cposix\nmkdir", b"cnumpy\nmkdir")
    assert disguised != evil
    read = rewritten(
        path,
        tmp_path / "evil.ckpt",
        lambda name, data: disguised if name.endswith("data.pkl") else data,
    )
    with pytest.raises(CheckpointError, match="no tensors"):
        read_tensors(read)
    assert not flag.exists()


def test_a_clip_archive_whose_pickle_runs_code_is_refused(tmp_path):
    flag = tmp_path / "it ran"
    path = write_clip_archive(tmp_path / "jit.pt")
    evil = rewritten(
        path,
        tmp_path / "evil.pt",
        lambda name, data: pickle.dumps(RunsWhenRead(flag)) if name.endswith("/data.pkl") else data,
    )
    with pytest.raises(CheckpointError, match=r"would run `posix\.mkdir`"):
        read_tensors(evil)
    assert not flag.exists()


def test_a_clip_archive_with_a_tensor_beyond_its_storage_is_refused(tmp_path):
    path = write_clip_archive(tmp_path / "jit.pt")

    def larger(name, data):
        # the shape (77, 64) of the text's positions becomes (77, 255), in storage for 77 x 64
        return data.replace(b"K\x4dK\x40t", b"K\x4dK\xfft") if name.endswith("/data.pkl") else data

    with pytest.raises(CheckpointError, match="damaged"):
        read_tensors(rewritten(path, tmp_path / "larger.pt", larger))


def test_a_clip_archive_cut_in_its_tensors_is_refused(tmp_path):
    path = write_clip_archive(tmp_path / "jit.pt")
    with pytest.raises(CheckpointError, match="damaged"):
        read_tensors(
            rewritten(
                path,
                tmp_path / "short.pt",
                lambda name, data: data[:-2] if name.endswith("/data/0") else data,
            )
        )


@pytest.mark.parametrize("write", ["zip", "legacy", "archive", "safetensors"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
def test_a_truncated_file_is_refused_with_a_sentence(tmp_path, write, share):
    path = tmp_path / "last.ckpt"
    if write == "archive":
        write_clip_archive(path)
    elif write == "safetensors":
        save_file(vqgan_state(), path)
    else:
        write_lightning(path, vqgan_state(), legacy=write == "legacy")
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(CheckpointError, match="incomplete"):
        read_tensors(path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\n<!DOCTYPE html><html><body>Sign in</body></html>", "is a web page"),
        (b"just some words in a file", "is neither a PyTorch checkpoint nor"),
        (b"\x89PNG\r\n\x1a\n" + bytes(64), "is neither a PyTorch checkpoint nor"),
        (gzip.compress(b"last.ckpt", mtime=0), "unpack it and use the checkpoint inside"),
        (pickle.dumps({"state_dict": {}}), "is a plain pickle"),
        (b"PK\x03\x04" + bytes(64), "incomplete"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 9\n", "git lfs pull"),
    ],
)
def test_a_file_that_is_not_a_checkpoint_is_identified(tmp_path, content, says):
    path = tmp_path / "file.ckpt"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=says):
        read_tensors(path)


def test_other_content_of_torch_save_is_identified(tmp_path):
    path = tmp_path / "file.pt"
    torch.save({"epoch": 3, "loss": [0.5]}, path)
    with pytest.raises(CheckpointError, match="no tensors, only epoch, loss"):
        read_tensors(path)
    torch.save([torch.zeros(3)], path)
    with pytest.raises(CheckpointError, match="contains a list"):
        read_tensors(path)
    torch.save(torch.nn.Linear(2, 2), path)
    with pytest.raises(CheckpointError, match=r"would run `torch\.nn\.modules\.linear\.Linear`"):
        read_tensors(path)


def test_another_zip_and_a_missing_file_are_reported(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("holiday.txt", "sun")
    path = tmp_path / "file.ckpt"
    path.write_bytes(buffer.getvalue())
    with pytest.raises(CheckpointError, match="unpack it"):
        read_tensors(path)
    with pytest.raises(CheckpointError, match="can't be read"):
        read_tensors(tmp_path / "nowhere.ckpt")


def test_reading_leaves_no_class_allowed_afterwards(tmp_path):
    before = set(torch.serialization.get_safe_globals())
    read_tensors(write_lightning(tmp_path / "last.ckpt", vqgan_state()))
    assert set(torch.serialization.get_safe_globals()) == before


def test_safetensors_give_the_same_tensors(tmp_path):
    state = vqgan_state() | {"half": torch.ones(3).half(), "bf16": torch.ones(2).bfloat16()}
    path = tmp_path / "model.safetensors"
    save_file(state, path, metadata={"format": "pt"})
    assert_same(read_tensors(path), state)
    save_file({}, path)
    with pytest.raises(CheckpointError, match="no tensors, only nothing"):
        read_tensors(path)


@hypothesis.given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 255)), max_size=6))
def test_a_damaged_safetensors_file_is_read_or_refused_with_a_sentence(tmp_path_factory, changes):
    path = tmp_path_factory.mktemp("damaged") / "model.safetensors"
    data = bytearray(save({"a": torch.ones(3, 4), "b": torch.zeros(5).half()}))
    for at, byte in changes:
        data[at % len(data)] = byte
    path.write_bytes(data)
    # Anything else that is raised fails the test.
    with contextlib.suppress(CheckpointError):
        assert read_tensors(path)


@pytest.mark.parametrize(
    "nested",
    [
        lambda state: {"model": state, "optimizer": {"state": {0: {"exp_avg": torch.ones(2)}}}},
        lambda state: {"model_state_dict": state, "epoch": 3, "ema": {"decay": 0.999}},
        lambda state: {"epoch": 3, "model": {"state_dict": state, "config": {"width": 3}}},
        lambda state: {"module": state, "best_loss": torch.tensor(0.5)},
        lambda state: {"params_ema": state, "best_loss": torch.tensor(0.5)},
        lambda state: {"state_dict_ema": state, "state_dict": {}},
        lambda state: {"state_dict": state, "state_dict_ema": {"x": torch.zeros(3)}},
        lambda state: {"vqgan": state, "scheduler": {"x": torch.zeros(3)}},
    ],
)
def test_the_state_dict_is_found_wherever_training_programs_put_it(tmp_path, nested):
    state = clip_state()
    path = tmp_path / "last.pt"
    torch.save(nested(state), path)
    assert_same(read_tensors(path), state)


def test_several_state_dicts_are_named_instead_of_choosing_one(tmp_path):
    path = tmp_path / "last.pt"
    torch.save({"first": clip_state(), "second": vqgan_state()}, path)
    with pytest.raises(CheckpointError, match=r"has several state dicts \(first, second\)"):
        read_tensors(path)
