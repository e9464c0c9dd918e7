"""Copies of the database, and a damaged one that is found before it is used: with real files."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from PIL import Image

from data import Store
from data.errors import StoreError
from data.sqlite.backup import back_up, backups, check_copy, damage, prune
from data.sqlite.recovery import recover, restore
from engine.events import Done
from engine.jobs.job import JobRecord, Place
from engine.request.request import make_request
from tests.databases import open_database
from tests.store_database import database_of

ROOT = Path(__file__).resolve().parents[2]
NAME = "imagine-bot.sqlite3"


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "data"


async def asked(store, prompt="a fox"):
    id = uuid.uuid4().hex
    await store.add(JobRecord(id, make_request(prompt, seed=7), "ann", Place("1", "2"), 1_000), {})
    return id


async def delivered(store, picture=b"x" * 1000):
    id = await asked(store)
    await store.started(id)
    await store.rendered(id, Done(picture, 7, 1.0, 5, 32, 32))
    await store.set_result_message(id, "9")
    return id


async def filled(folder, count=300):
    """A data folder with jobs enough for several pages, closed; their ids."""
    store = await Store.open(folder)
    ids = [await asked(store, "of a fox " * 20)]
    ids += [uuid.uuid4().hex for _ in range(count - 1)]
    async with database_of(store).transaction() as transaction:
        for id in ids[1:]:
            await transaction.change(
                "INSERT INTO jobs (id, sequence, person, channel_id, locale, request, prompt, "
                "seed, state, created_at) SELECT ?, (SELECT MAX(sequence) + 1 FROM jobs), person, "
                "channel_id, locale, request, prompt, seed, state, created_at FROM jobs "
                "WHERE id = ?", id, ids[0])
    await store.close()
    return ids


def spoil(path, start=3):
    """Garbage in the middle of the file, from page ``start`` on; the header stays."""
    with path.open("r+b") as file:
        file.seek(start * 4096)
        file.write(os.urandom(8 * 4096))


async def ids_in(folder):
    store = await Store.open(folder)
    try:
        return {row["id"] for row in await database_of(store).fetch("SELECT id FROM jobs")}
    finally:
        await store.close()


async def test_a_copy_is_made_while_others_write_and_holds_one_moment(folder):
    store = await Store.open(folder)
    first = await asked(store)
    writing = asyncio.gather(*(asked(store) for _ in range(20)))
    copy = await asyncio.to_thread(back_up, folder)
    await writing
    assert check_copy(copy) == 7
    with open_database(copy) as connection:
        found = [id for id, in connection.execute("SELECT id FROM jobs ORDER BY sequence")]
    assert found[0] == first
    assert [path.name for path in copy.parent.iterdir()] == [copy.name]  # no log beside it
    assert backups(folder)[0].path == copy
    with pytest.raises(StoreError, match="already exists"):
        back_up(folder, copy)
    await store.close()


async def test_the_oldest_copies_go(folder):
    await filled(folder, 1)
    for day in (1, 3, 2):
        back_up(folder, folder / "backups" / f"imagine-bot-2026010{day}T000000Z.sqlite3")
    (folder / "backups" / "mine.sqlite3").write_bytes(b"not ours to remove")
    assert prune(folder, 2) == 1
    assert [backup.made.day for backup in backups(folder)] == [3, 2]
    assert (folder / "backups" / "mine.sqlite3").exists()


@pytest.mark.parametrize("how", ["pages", "header", "emptied"])
async def test_a_damaged_database_is_set_aside_and_the_last_good_backup_put_there(
        folder, how, caplog):
    ids = await filled(folder)
    good = back_up(folder, folder / "backups" / "imagine-bot-20260101T000000Z.sqlite3")
    newer = folder / "backups" / "imagine-bot-20260102T000000Z.sqlite3"
    newer.write_bytes(good.read_bytes())
    spoil(newer)  # the newest is no good one
    path = folder / NAME
    if how == "pages":
        spoil(path)
    else:
        path.write_bytes(b"" if how == "emptied" else b"garbage " * 4096)
    before = path.read_bytes()
    assert await ids_in(folder) == set(ids)
    aside, = folder.glob("imagine-bot-damaged-*.sqlite3")
    assert aside.read_bytes() == before
    said = [record.getMessage() for record in caplog.records
            if record.levelno >= logging.CRITICAL]
    assert "is damaged" in said[0]
    assert aside.name in said[1]
    assert good.name in said[2]
    assert damage(path) is None


async def test_without_a_backup_it_begins_anew_and_says_so(folder, caplog):
    id, *_ = await filled(folder)
    (folder / "pictures" / f"{id}.png").write_bytes(b"a picture")
    spoil(folder / NAME)
    assert await ids_in(folder) == set()
    assert len(list(folder.glob("imagine-bot-damaged-*.sqlite3"))) == 1
    assert "no good backup" in caplog.text
    # Where it lay, the daily sweep would take it for rubbish.
    kept, = folder.glob("files-aside-*/pictures/*.png")
    assert kept.read_bytes() == b"a picture"
    assert list((folder / "pictures").iterdir()) == []


async def test_a_sound_database_is_left_alone_also_with_the_log_of_a_killed_process(folder):
    program = f"""
import asyncio, os, signal
from data import Store
from tests.data.test_backup import asked
from pathlib import Path
async def main():
    store = await Store.open(Path({str(folder)!r}))
    await asked(store)
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""
    ended = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", program], cwd=ROOT,
                                    timeout=100, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert (folder / f"{NAME}-wal").stat().st_size > 0
    assert recover(folder)
    assert len(await ids_in(folder)) == 1
    assert list(folder.glob("*damaged*")) == []


async def test_a_copy_is_put_back_and_what_was_there_is_kept(folder):
    old = await filled(folder, 3)
    copy = back_up(folder)
    new = await filled(folder, 2)
    aside = restore(folder, copy)
    assert aside is not None
    assert await ids_in(folder) == set(old)
    with open_database(aside) as connection:
        assert {id for id, in connection.execute("SELECT id FROM jobs")} == {*old, *new}


async def test_what_was_painted_since_the_copy_is_neither_painted_nor_posted_again(folder):
    store = await Store.open(folder)
    waits, painted = await asked(store), await asked(store)
    copy = back_up(folder)
    await store.started(painted)
    Image.new("RGB", (48, 32)).save(store.files.picture(painted), "PNG")
    await store.close()
    restore(folder, copy)
    store = await Store.open(folder)
    assert [record.id for record in await store.waiting()] == [waits]
    job, = await store.undelivered()  # the delivery looks into the channel first
    assert (job.id, job.state) == (painted, "rendered")
    assert job.result is not None
    assert (job.result["width"], job.result["height"]) == (48, 32)
    await store.close()


async def test_nothing_is_put_back_while_a_bot_works_with_the_folder(folder):
    await filled(folder, 1)
    copy = back_up(folder)
    store = await Store.open(folder)
    before = (folder / NAME).stat().st_ino
    with pytest.raises(StoreError, match="A bot is using"):
        restore(folder, copy)
    assert (folder / NAME).stat().st_ino == before
    await store.close()
    restore(folder, copy)


async def test_a_damaged_database_that_another_bot_has_open_is_not_moved(folder):
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


@pytest.mark.parametrize(("what", "words"), [
    ("missing", "no file"), ("text", "is damaged"), ("spoilt", "is damaged"),
    ("newer", "newer imagine-bot"), ("foreign", "isn't a database of")])
async def test_what_cannot_take_over_is_refused_and_changes_nothing(folder, tmp_path, what, words):
    await filled(folder)
    file = tmp_path / "copy.sqlite3"
    if what == "text":
        file.write_bytes(b"PNG, say" * 1000)
    elif what != "missing":
        if what != "foreign":
            back_up(folder, file)
        with open_database(file) as connection:
            connection.execute({"newer": "PRAGMA user_version = 999",
                                "foreign": "CREATE TABLE x (y)"}.get(what, "SELECT 1"))
        if what == "spoilt":
            spoil(file)
    before = (folder / NAME).read_bytes()
    with pytest.raises(StoreError, match=words):
        restore(folder, file)
    assert (folder / NAME).read_bytes() == before


async def test_pictures_go_oldest_first_but_for_those_that_are_kept(folder):
    store = await Store.open(folder)
    ids = [await delivered(store) for _ in range(4)]
    untold = await asked(store)
    await store.started(untold)
    await store.rendered(untold, Done(b"y" * 1000, 7, 1.0, 5, 32, 32))
    assert await store.quota.keep(ids[0])
    assert await store.quota.is_kept(ids[0])
    assert not await store.quota.keep("0" * 32)
    room = await store.quota.make_room(3500)
    assert (room.used, room.removed) == (3000, 2)
    there = [await store.picture(id) is not None for id in [*ids, untold]]
    assert there == [True, False, False, True, True]
    assert len(await store.history("ann", guild_id=None)) == 5  # the rows stay
    await store.quota.keep(ids[0], False)
    room = await store.quota.make_room(0)
    assert (room.used, room.removed) == (1000, 2)  # what is not delivered stays
    await store.close()
