"""Restoring a backup: on request, or because the database is damaged; with real files."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from data import Store
from data.errors import StoreError
from data.sqlite.backup import back_up, damage
from data.sqlite.recovery import recover, restore
from tests.data.sqlite.damaged import NAME, asked, filled, ids_in, spoil
from tests.databases import open_database
from tests.store_database import database_of

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("how", ["pages", "header", "emptied"])
async def test_a_damaged_database_is_replaced_by_the_newest_good_backup(folder, how, caplog):
    ids = await filled(folder)
    good = back_up(folder, folder / "backups" / "imagine-bot-20260101T000000Z.sqlite3")
    newer = folder / "backups" / "imagine-bot-20260102T000000Z.sqlite3"
    newer.write_bytes(good.read_bytes())
    spoil(newer)  # the newest one is damaged
    path = folder / NAME
    if how == "pages":
        spoil(path)
    else:
        path.write_bytes(b"" if how == "emptied" else b"garbage " * 4096)
    before = path.read_bytes()
    assert await ids_in(folder) == set(ids)
    (aside,) = folder.glob("imagine-bot-damaged-*.sqlite3")
    assert aside.read_bytes() == before
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.CRITICAL]
    assert "is damaged" in said[0]
    assert aside.name in said[1]
    assert good.name in said[2]
    assert damage(path) is None


async def test_without_a_backup_the_bot_starts_empty_and_says_so(folder, caplog):
    id, *_ = await filled(folder)
    (folder / "pictures" / f"{id}.png").write_bytes(b"a picture")
    spoil(folder / NAME)
    assert await ids_in(folder) == set()
    assert len(list(folder.glob("imagine-bot-damaged-*.sqlite3"))) == 1
    assert "no good backup" in caplog.text
    # In its place the daily sweep would delete it as orphaned.
    (kept,) = folder.glob("files-aside-*/pictures/*.png")
    assert kept.read_bytes() == b"a picture"
    assert list((folder / "pictures").iterdir()) == []


async def test_an_intact_database_stays_also_with_the_log_of_a_killed_process(folder):
    program = f"""
import asyncio, os, signal
from data import Store
from tests.data.sqlite.damaged import asked
from pathlib import Path
async def main():
    store = await Store.open(Path({str(folder)!r}))
    await asked(store)
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""
    ended = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", program], cwd=ROOT, timeout=100, check=False
    )
    assert ended.returncode == -signal.SIGKILL
    assert (folder / f"{NAME}-wal").stat().st_size > 0
    assert recover(folder)
    assert len(await ids_in(folder)) == 1
    assert list(folder.glob("*damaged*")) == []


async def test_a_backup_is_restored_and_the_old_database_is_kept(folder):
    old = await filled(folder, 3)
    copy = back_up(folder)
    new = await filled(folder, 2)
    aside = restore(folder, copy)
    assert aside is not None
    assert await ids_in(folder) == set(old)
    with open_database(aside) as connection:
        assert {id for (id,) in connection.execute("SELECT id FROM jobs")} == {*old, *new}


async def test_pictures_since_the_backup_are_not_painted_or_posted_again(folder):
    store = await Store.open(folder)
    waits, painted = await asked(store), await asked(store)
    copy = back_up(folder)
    await store.started(painted)
    Image.new("RGB", (48, 32)).save(store.files.picture(painted), "PNG")
    await store.close()
    restore(folder, copy)
    store = await Store.open(folder)
    assert [record.id for record in await store.waiting()] == [waits]
    (job,) = await store.undelivered()  # the delivery checks the channel before it posts
    assert (job.id, job.state) == (painted, "rendered")
    assert job.result is not None
    assert (job.result["width"], job.result["height"]) == (48, 32)
    await store.close()


async def test_nothing_is_restored_while_a_bot_uses_the_folder(folder):
    await filled(folder, 1)
    copy = back_up(folder)
    store = await Store.open(folder)
    before = (folder / NAME).stat().st_ino
    with pytest.raises(StoreError, match="A bot is using"):
        restore(folder, copy)
    assert (folder / NAME).stat().st_ino == before
    await store.close()
    restore(folder, copy)


async def test_a_damaged_database_that_another_bot_uses_is_not_moved(folder):
    await filled(folder)
    store = await Store.open(folder)
    await database_of(store).fetch("PRAGMA wal_checkpoint(TRUNCATE)")
    spoil(folder / NAME)
    with pytest.raises(StoreError, match="another bot is using"):
        await Store.open(folder)
    assert list(folder.glob("*damaged*")) == []
    await database_of(store).close()
    await store._leases.stop_renewing()
    store._owner.close()


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("missing", "no file"),
        ("text", "is damaged"),
        ("spoilt", "is damaged"),
        ("newer", "newer imagine-bot"),
        ("foreign", "isn't a database of"),
    ],
)
async def test_an_unsuitable_backup_is_refused_and_changes_nothing(folder, tmp_path, what, words):
    await filled(folder)
    file = tmp_path / "copy.sqlite3"
    if what == "text":
        file.write_bytes(b"PNG, say" * 1000)
    elif what != "missing":
        if what != "foreign":
            back_up(folder, file)
        with open_database(file) as connection:
            connection.execute(
                {"newer": "PRAGMA user_version = 999", "foreign": "CREATE TABLE x (y)"}.get(
                    what, "SELECT 1"
                )
            )
        if what == "spoilt":
            spoil(file)
    before = (folder / NAME).read_bytes()
    with pytest.raises(StoreError, match=words):
        restore(folder, file)
    assert (folder / NAME).read_bytes() == before


async def test_only_whole_pictures_count_as_painted_since_the_backup(folder):
    store = await Store.open(folder)
    ids = {name: await asked(store) for name in ("whole", "cut", "text", "none", "unwanted")}
    await store.started(ids["unwanted"])
    await store.interrupted(ids["unwanted"], "cancel")
    copy = back_up(folder)
    for name in ("whole", "cut", "unwanted"):
        Image.new("RGB", (48, 32)).save(store.files.picture(ids[name]), "PNG")
    os.truncate(store.files.picture(ids["cut"]), 20)
    store.files.picture(ids["text"]).write_text("this is not a picture, whatever its name says")
    await store.close()
    restore(folder, copy)
    store = await Store.open(folder)
    assert [job.id for job in await store.undelivered()] == [ids["whole"]]
    assert {record.id for record in await store.waiting()} == {
        ids[name] for name in ("cut", "text", "none", "unwanted")
    }
    await store.close()


async def test_files_that_the_backup_does_not_know_are_moved_and_not_deleted(folder):
    store = await Store.open(folder)
    known = await asked(store)
    store.files.picture(known).write_bytes(b"known")
    copy = back_up(folder)
    unknown, sha256 = await asked(store), "c" * 64
    store.files.picture(unknown).write_bytes(b"unknown")
    store.files.attachment(sha256).write_bytes(b"attached")
    (folder / "pictures" / ".hidden").write_bytes(b"being written")
    await store.close()
    restore(folder, copy)
    (aside,) = folder.glob("files-aside-*")
    assert (aside / "pictures" / f"{unknown}.png").read_bytes() == b"unknown"
    assert (aside / "attachments" / sha256).read_bytes() == b"attached"
    assert {path.name for path in (folder / "pictures").iterdir()} == {f"{known}.png", ".hidden"}


async def test_jobs_of_a_restored_backup_wait_for_no_lease(folder):
    store = await Store.open(folder)
    id = await asked(store)
    copy = back_up(folder)  # the backup says that this store owns the job
    await store.close()
    restore(folder, copy)
    store = await Store.open(folder)
    assert [record.id for record in await store.waiting()] == [id]
    await store.close()


@pytest.mark.parametrize("suffix", ["-wal", "-shm"])
async def test_a_log_that_is_garbage_does_not_damage_the_database(folder, suffix):
    ids = await filled(folder, 3)
    (folder / f"{NAME}{suffix}").write_bytes(b"garbage " * 1024)
    assert await ids_in(folder) == set(ids)
    assert list(folder.glob("*damaged*")) == []


async def test_a_new_folder_and_one_whose_database_is_missing_start_empty(folder, caplog):
    assert await ids_in(folder) == set()
    assert caplog.text == ""
    await filled(folder, 2)
    copy = back_up(folder)
    (folder / NAME).unlink()
    assert await ids_in(folder) == set()  # a missing database may be the host's wish
    assert f"bot restore {copy}" in caplog.text
    assert list(folder.glob("*damaged*")) == []


async def test_an_empty_file_without_backups_is_a_new_database(folder):
    folder.mkdir()
    (folder / NAME).write_bytes(b"")
    assert recover(folder)
    assert await ids_in(folder) == set()


async def test_damage_twice_sets_two_files_aside(folder):
    ids = await filled(folder)
    back_up(folder)
    for _ in range(2):
        spoil(folder / NAME)
        assert await ids_in(folder) == set(ids)
    assert len(list(folder.glob("imagine-bot-damaged-*.sqlite3"))) == 2


async def test_a_folder_that_cannot_take_the_old_database_keeps_it(folder, monkeypatch):
    await filled(folder, 2)
    copy = back_up(folder)
    before = (folder / NAME).read_bytes()

    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("data.sqlite.backup.os.replace", full)
    with pytest.raises(StoreError, match="No space left"):
        restore(folder, copy)
    monkeypatch.undo()
    assert (folder / NAME).read_bytes() == before


async def test_a_large_database_is_checked_while_the_bot_works(folder, monkeypatch, caplog):
    """The start looks for a moment only; what is found later is restored at the next start."""
    await filled(folder)
    back_up(folder)
    monkeypatch.setattr("data.sqlite.recovery.START_SECONDS", -1)
    monkeypatch.setattr("data.sqlite.backup._INSTRUCTIONS", 1)
    pages = (folder / NAME).stat().st_size // 4096
    spoil(folder / NAME, pages - 9)  # where the start itself reads nothing
    store = await Store.open(folder)
    await store.check_whole()
    with pytest.raises(StoreError, match="is damaged"):
        await store.check()
    assert "Restart the bot" in caplog.text
    with contextlib.suppress(StoreError):  # it may need a damaged page
        await store.close()
    assert recover(folder) is False
    assert recover(folder) is True
