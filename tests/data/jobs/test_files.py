"""Files next to the database: written in one step, named by ids; old states are deleted."""

from __future__ import annotations

import os

import pytest

from data.disk import read, remove, write
from data.errors import StoreError
from data.jobs.files import Files


@pytest.fixture
def files(tmp_path):
    made = Files(tmp_path)
    made.make()
    return made


def keep(files, letter, size, age):
    id = letter * 32
    files.state(id).write_bytes(b"x" * size)
    os.utime(files.state(id), (1_000_000 - age, 1_000_000 - age))
    return id


def there(files):
    return {path.stem[0] for path in files.folder.joinpath("states").iterdir()}


def test_the_oldest_states_are_deleted_until_the_rest_fits(files):
    for letter, age in (("a", 30), ("b", 10), ("c", 20)):
        keep(files, letter, 100, age)
    files.thin_out_states([], 300)
    assert there(files) == set("abc")
    files.thin_out_states([], 299)
    assert there(files) == set("bc")
    files.thin_out_states([], 0)
    assert there(files) == set()


def test_states_of_running_jobs_stay_however_old(files):
    half_painted = keep(files, "a", 100, 30)
    keep(files, "b", 100, 20)
    keep(files, "c", 100, 10)
    files.thin_out_states([half_painted], 200)
    assert there(files) == set("ac")


def test_a_state_that_is_continued_counts_as_new(files):
    old = keep(files, "a", 100, 30)
    keep(files, "b", 100, 20)
    assert files.copy_state(old, "c" * 32)
    assert files.state("c" * 32).read_bytes() == b"x" * 100
    files.thin_out_states([], 200)
    assert there(files) == set("ac")
    assert not files.copy_state("d" * 32, "e" * 32)


def test_a_file_is_written_in_one_step(files, monkeypatch):
    path = files.picture("a" * 32)
    write(path, b"first")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("data.disk.os.fsync", full)
    with pytest.raises(StoreError, match="No space left on device"):
        write(path, b"second")
    assert path.read_bytes() == b"first"
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_missing_file_reads_as_nothing_and_an_unreadable_one_is_an_error(files):
    assert read(files.picture("a" * 32)) is None
    files.picture("b" * 32).mkdir()
    with pytest.raises(StoreError, match="can't be read"):
        read(files.picture("b" * 32))
    with pytest.raises(StoreError, match="can't be deleted"):
        remove(files.picture("b" * 32))
    remove(files.picture("a" * 32))  # a missing one is fine
    files.forget_state("a" * 32)


@pytest.mark.parametrize(
    "id", ["", "a" * 31, "a" * 33, "A" * 32, "../" + "a" * 29, "a" * 31 + "\n"]
)
def test_only_ids_become_file_names(files, id):
    for path in (files.picture, files.state, files.attachment):
        with pytest.raises(StoreError, match="isn't an ID"):
            path(id)
