"""Backups of the database, with real files."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from data import Store
from data.errors import StoreError
from data.migrations import migrations
from data.sqlite.backup import back_up, backups, check_copy, prune
from tests.data.sqlite.damaged import asked, filled
from tests.databases import open_database

ROOT = Path(__file__).resolve().parents[2]


async def test_a_backup_is_the_state_of_one_moment_while_others_write(folder):
    store = await Store.open(folder)
    first = await asked(store)
    writing = asyncio.gather(*(asked(store) for _ in range(20)))
    copy = await asyncio.to_thread(back_up, folder)
    await writing
    assert check_copy(copy) == migrations()[-1][0]
    with open_database(copy) as connection:
        found = [id for (id,) in connection.execute("SELECT id FROM jobs ORDER BY sequence")]
    assert found[0] == first
    assert [path.name for path in copy.parent.iterdir()] == [copy.name]  # without a log
    assert backups(folder)[0].path == copy
    with pytest.raises(StoreError, match="already exists"):
        back_up(folder, copy)
    await store.close()


async def test_the_oldest_backups_are_deleted(folder):
    await filled(folder, 1)
    for day in (1, 3, 2):
        back_up(folder, folder / "backups" / f"imagine-bot-2026010{day}T000000Z.sqlite3")
    (folder / "backups" / "mine.sqlite3").write_bytes(b"not one of ours")
    assert prune(folder, 2) == 1
    assert [backup.made.day for backup in backups(folder)] == [3, 2]
    assert (folder / "backups" / "mine.sqlite3").exists()
