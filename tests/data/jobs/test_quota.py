"""The disk space of pictures: the oldest are deleted first, kept ones never."""

from __future__ import annotations

import asyncio

import pytest

from data.disk import folder_size
from data.errors import StoreError
from tests.data.stored_jobs import added, done

NOBODY = "0" * 32


async def delivered(store, size=1000):
    """A delivered job whose picture has ``size`` bytes."""
    id = await added(store)
    await store.rendered(id, done(b"x" * size))
    await store.set_result_message(id, "9")
    return id


async def test_pictures_go_oldest_first_but_for_kept_and_untold_ones(store):
    ids = [await delivered(store) for _ in range(4)]
    untold = await added(store)
    await store.rendered(untold, done(b"y" * 1000))
    assert await store.quota.keep(ids[0])
    room = await store.quota.make_room(3500)
    assert (room.used, room.removed) == (3000, 2)
    left = [await store.picture(id) is not None for id in [*ids, untold]]
    assert left == [True, False, False, True, True]
    assert await store.count_of("ann") == 5  # the rows stay
    await store.quota.keep(ids[0], False)
    room = await store.quota.make_room(0)
    assert (room.used, room.removed) == (1000, 2)
    assert await store.picture(untold) is not None


async def test_nothing_is_deleted_within_the_limit(store):
    id = await delivered(store)
    assert await store.quota.used() == 1000
    room = await store.quota.make_room(1000)
    assert (room.used, room.removed) == (1000, 0)
    assert await store.picture(id) is not None


async def test_more_pictures_than_one_batch_go(store, monkeypatch):
    monkeypatch.setattr("data.jobs.quota._BATCH", 2)
    ids = [await delivered(store, 10) for _ in range(7)]
    await store.quota.keep(ids[1])
    room = await store.quota.make_room(20)
    assert (room.used, room.removed) == (20, 5)
    assert await store.picture(ids[1]) is not None
    assert await store.picture(ids[-1]) is not None


async def test_a_picture_that_is_kept_at_the_last_moment_stays(store, monkeypatch):
    id = await delivered(store)
    fetch = store.quota._database.fetch

    async def kept_after_the_list(sql, *values):
        rows = await fetch(sql, *values)
        await store.quota.keep(id)
        return rows

    monkeypatch.setattr(store.quota._database, "fetch", kept_after_the_list)
    room = await store.quota.make_room(0)
    assert (room.used, room.removed) == (1000, 0)


async def test_the_mark_survives_a_restart(tmp_path, open_store):
    store = await open_store(tmp_path)
    ids = [await delivered(store) for _ in range(2)]
    assert await store.quota.keep(ids[1])
    await store.close()
    store = await open_store(tmp_path)
    assert await store.quota.kept_among([*ids, NOBODY]) == {ids[1]}
    assert await store.quota.is_kept(ids[1])
    assert not await store.quota.is_kept(ids[0])
    await store.close()


async def test_a_job_that_does_not_exist_cannot_be_kept(store):
    assert not await store.quota.keep(NOBODY)
    assert not await store.quota.is_kept(NOBODY)
    assert await store.quota.kept_among([]) == set()


async def test_a_file_that_is_gone_already_takes_no_space(store):
    ids = [await delivered(store) for _ in range(2)]
    store.files.picture(ids[0]).unlink()
    room = await store.quota.make_room(0)
    assert (room.used, room.removed) == (0, 2)
    assert not (await store.job(ids[0])).has_picture


async def test_a_folder_that_cannot_be_read_is_named(store, tmp_path):
    (tmp_path / "nested" / "deeper").mkdir(parents=True)
    (tmp_path / "nested" / "file").write_bytes(b"12345")
    (tmp_path / "nested" / "deeper" / "file").write_bytes(b"not counted")
    assert await asyncio.to_thread(folder_size, tmp_path / "nested") == 5
    store.files.pictures_folder.rmdir()
    with pytest.raises(StoreError, match="can't be read"):
        await store.quota.make_room(0)
