"""Saved states and the key of aliases outlive a machine, if pictures are in a bucket."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace

import pytest

from data import Store
from data.errors import StoreError
from data.jobs import states
from data.pictures.base import Found
from data.pictures.names import state_name
from data.pictures.place import place_for_pictures
from data.privacy.alias import KEY_FILE, share_key
from engine.errors import RequestError
from tests.data.stored_jobs import added, done, record
from tests.postgres import running_server


@pytest.fixture
def url():
    return running_server().clean_database("store")


@pytest.fixture
async def machines(tmp_path, url, address):
    """The stores of three machines: a folder for each, one database, one bucket."""
    opened = [
        await Store.open(tmp_path / name, database_url=url, pictures_url=address)
        for name in ("one", "two", "three")
    ]
    for store in opened:
        await store.share("1").publish(1, 1, "{}")
    yield opened
    for store in opened:
        await store.close()


async def save(store, id, data):
    """What a worker and the queue do."""
    store.state_path(id).write_bytes(data)
    store.state_saved(id)
    await copied(store)


async def copied(store):
    await asyncio.gather(*store.states._copying.values())


async def begin(store, id):
    """What the queue does before a worker paints; returns the state that it finds."""
    assert await store.started(id)
    await store.bring_state(id)
    path = store.state_path(id)
    return path.read_bytes() if path.exists() else None


async def move(id, to):
    """As if the process that has the job had died."""
    await to._database.change("UPDATE jobs SET owner = NULL WHERE id = ?", id)
    assert id in {job.id for job in await to.waiting()}


async def test_a_job_goes_on_from_its_last_state_on_another_machine(machines, monkeypatch):
    one, two, _ = machines
    monkeypatch.setattr(states, "COPY_SECONDS", 0.0)
    id = await added(one)
    assert await begin(one, id) is None
    await save(one, id, b"10")
    one.state_path(id).write_bytes(b"12")  # what was not copied is lost with the machine
    one.frames_path(id).write_bytes(b"of 1 to 12")
    await move(id, two)
    assert await begin(two, id) == b"10"
    await save(two, id, b"40")
    # The first one comes back: its own state is older than the copy.
    await move(id, one)
    assert await begin(one, id) == b"40"
    assert not one.frames_path(id).exists()  # its video is painted again
    # On the machine that painted last, the state in the folder is the newest.
    one.state_path(id).write_bytes(b"50")
    one.frames_path(id).write_bytes(b"of 40 to 50")
    assert await begin(one, id) == b"50"
    assert one.frames_path(id).exists()


async def test_states_are_copied_now_and_then_and_at_the_end(machines):
    one, two, _ = machines
    id = await added(one)
    await begin(one, id)
    for iteration in (b"1", b"2", b"3"):
        await save(one, id, iteration)
    assert await one.pictures.read(state_name(id)) == b"1"
    await one.requeued(id)
    await copied(one)
    assert await one.pictures.read(state_name(id)) == b"3"
    await one.started(id)
    one.state_path(id).write_bytes(b"9")
    assert await one.rendered(id, done())
    await copied(one)
    assert await one.pictures.read(state_name(id)) == b"9"
    # So Continue works on each machine, and the new job on each other one.
    new = replace(record(), continues=id)
    await two.add(new, {})
    assert two.state_path(new.id).read_bytes() == b"9"
    await one.shared.look()
    await one._database.change("UPDATE jobs SET created_at = 0 WHERE id = ?", new.id)
    assert await one.shared.take(new.id)
    assert await begin(one, new.id) == b"9"


async def test_a_picture_whose_state_was_lost_cannot_be_continued(machines):
    one, two, _ = machines
    id = await added(one)
    await begin(one, id)
    assert await one.rendered(id, done())
    with pytest.raises(RequestError, match="can't be continued any more"):
        await two.add(replace(record(), continues=id), {})


async def test_what_is_deleted_leaves_no_copy(machines):
    one, two, three = machines
    deleted, failed, late = [await added(one) for _ in range(3)]
    for id in (deleted, failed):
        await begin(one, id)
        await save(one, id, b"1")
    assert await two.delete(deleted)
    assert await one.failed(failed, "why")
    await two.delete(late)
    await save(one, late, b"1")  # the worker did not know
    for id in (deleted, failed, late):
        assert await three.pictures.read(state_name(id)) is None


async def test_the_oldest_copies_are_deleted_if_there_are_too_many(machines, monkeypatch):
    one, two, _ = machines
    ids = [await added(one) for _ in range(4)]
    for id in ids:
        await begin(one, id)
        await save(one, id, b"12345")
    for id in ids[1:]:
        await one.rendered(id, done())
        await copied(one)
    monkeypatch.setattr(states, "COPIES_BYTES", 12)
    found = [Found(state_name(id), 5, age) for age, id in enumerate(ids)]
    assert await two.states.thin_out(found) == 2
    left = [await one.pictures.read(state_name(id)) for id in ids]
    assert left == [b"12345", None, None, b"12345"]  # the first one is unfinished


async def test_orphaned_copies_are_deleted(machines, monkeypatch):
    one, two, _ = machines
    id = await added(one)
    await begin(one, id)
    await save(one, id, b"1")
    orphan = state_name("f" * 32)
    await one.pictures.write(orphan, b"")
    await two.retention.sweep()
    assert await one.pictures.read(orphan) == b""  # its row may just be written
    monkeypatch.setattr("data.retention._ORPHAN_MS", -10_000)
    await two.retention.sweep()
    assert await one.pictures.read(orphan) is None
    assert await one.pictures.read(state_name(id)) == b"1"


async def test_a_bucket_that_is_away_costs_no_job(machines, monkeypatch, caplog):
    one, *_ = machines
    id = await added(one)
    await begin(one, id)

    async def fail(name, data):
        raise StoreError("It is away.")

    monkeypatch.setattr(one.pictures, "write", fail)
    await save(one, id, b"1")
    assert "The state could not be copied: It is away." in caplog.text


async def test_all_machines_have_one_key(machines):
    keys = {(store.folder / KEY_FILE).read_bytes() for store in machines}
    assert len(keys) == 1
    assert len(keys.pop()) == 32
    aliases = {await store.people.aliases.of("ann") for store in machines}
    assert len(aliases) == 1
    if os.name == "posix":
        assert (machines[1].folder / KEY_FILE).stat().st_mode & 0o077 == 0


async def test_machines_that_start_at_once_have_one_key(tmp_path, address):
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    place = place_for_pictures(tmp_path, address)
    await asyncio.gather(*(share_key(folder, place) for folder in folders))
    assert len({(folder / KEY_FILE).read_bytes() for folder in folders}) == 1


async def test_another_key_is_refused_with_a_sentence(machines, tmp_path, url, address):
    other = tmp_path / "four"
    other.mkdir()
    (other / KEY_FILE).write_bytes(bytes(32))
    with pytest.raises(StoreError, match="isn't the one in s3://"):
        await Store.open(other, database_url=url, pictures_url=address)
