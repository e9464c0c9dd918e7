"""Owners: a lock file tells whether another process on this machine is alive."""

from __future__ import annotations

import subprocess
import sys

import pytest

from data.errors import StoreError
from data.jobs.owners import Owner

DIES = """
import os, sys
from pathlib import Path
from data.jobs.owners import Owner
owner = Owner(Path(sys.argv[1]))
print(owner.name, flush=True)
os.kill(os.getpid(), 9)
"""


def test_a_living_owner_is_not_dead(tmp_path):
    one, two = Owner(tmp_path), Owner(tmp_path)
    assert one.name != two.name
    assert one.dead() == two.dead() == []
    two.close()
    assert one.dead() == []  # it left nothing behind
    one.close()
    assert list(tmp_path.iterdir()) == []


def test_a_killed_process_is_dead_until_its_file_is_removed(tmp_path):
    killed = subprocess.run(
        [sys.executable, "-c", DIES, str(tmp_path)], check=False, capture_output=True, text=True
    )
    name = killed.stdout.strip()
    owner = Owner(tmp_path)
    assert owner.dead() == [name]
    assert owner.dead() == [name]  # looking does not take its lock for good
    owner.remove_dead([name, "not-there"])
    assert owner.dead() == []
    owner.close()


def test_a_lock_file_that_cannot_be_opened_counts_as_alive(tmp_path):
    (tmp_path / "folder.lock").mkdir()
    owner = Owner(tmp_path)
    assert owner.dead() == []
    owner.close()


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="can't be written"):
        Owner(tmp_path / "file")
