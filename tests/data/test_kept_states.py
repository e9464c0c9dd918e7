"""Of the states that pictures can be continued from, so many bytes are kept, the oldest go."""

from __future__ import annotations

import os

import pytest

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


def test_the_oldest_go_until_the_rest_fits(files):
    for letter, age in (("a", 30), ("b", 10), ("c", 20)):
        keep(files, letter, 100, age)
    files.thin_out_states([], 300)
    assert there(files) == set("abc")
    files.thin_out_states([], 299)
    assert there(files) == set("bc")
    files.thin_out_states([], 0)
    assert there(files) == set()


def test_what_is_being_painted_stays_however_old(files):
    half_painted = keep(files, "a", 100, 30)
    keep(files, "b", 100, 20)
    keep(files, "c", 100, 10)
    files.thin_out_states([half_painted], 200)
    assert there(files) == set("ac")


def test_one_that_is_continued_counts_as_new(files):
    old = keep(files, "a", 100, 30)
    keep(files, "b", 100, 20)
    assert files.copy_state(old, "c" * 32)
    assert files.state("c" * 32).read_bytes() == b"x" * 100
    files.thin_out_states([], 200)
    assert there(files) == set("ac")
    assert not files.copy_state("d" * 32, "e" * 32)
