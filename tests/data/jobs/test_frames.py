"""Recorded frames: bounded on disk, and removed with what they show."""

from __future__ import annotations

import hashlib
import os

from data.picture_checks import Finding
from engine.jobs.job import JobRecord
from tests.data.stored_jobs import added, done, painted, record


def keep_frames(store, id, size=1000, age=0):
    path = store.frames_path(id)
    path.write_bytes(b"x" * size)
    os.utime(path, (1_000_000_000 - age, 1_000_000_000 - age))
    return path


async def delivered(store, size=1000, age=0):
    """A delivered job with a picture and frames of ``size`` bytes each."""
    id = await added(store)
    await store.rendered(id, done(b"x" * size))
    await store.set_result_message(id, "9")
    keep_frames(store, id, size, age)
    return id


async def there(store, ids):
    return [store.frames_path(id).exists() for id in ids]


async def test_frames_are_limited_oldest_first_but_for_unfinished_jobs(store):
    painting = await added(store)
    keep_frames(store, painting, age=99)
    ids = [await delivered(store, age=50 - number) for number in range(3)]
    assert await store.quota.limit_frames(4000) == 4000
    assert await store.quota.limit_frames(2500) == 2000
    assert await there(store, [painting, *ids]) == [True, False, False, True]
    assert await store.quota.limit_frames(0) == 1000
    assert await there(store, [painting, *ids]) == [True, False, False, False]
    assert all([await store.picture(id) is not None for id in ids])


async def test_frames_count_in_the_quota_and_go_before_any_picture(store):
    ids = [await delivered(store, age=50 - number) for number in range(3)]
    assert await store.quota.used() == 6000
    room = await store.quota.make_room(4000)
    assert (room.used, room.removed) == (4000, 0)
    assert await there(store, ids) == [False, False, True]
    room = await store.quota.make_room(2000)
    assert (room.used, room.removed) == (2000, 1)
    assert await there(store, ids) == [False, False, False]


async def test_frames_go_with_a_picture_that_the_quota_deletes(store):
    first, unfinished = await delivered(store), await added(store)
    keep_frames(store, unfinished)
    await store.quota.make_room(0)
    assert await there(store, [first, unfinished]) == [False, True]


async def test_frames_are_deleted_with_their_job_and_a_withheld_picture(store):
    deleted, withheld, cancelled = [await painted(store) for _ in range(2)] + [await added(store)]
    for id in (deleted, withheld, cancelled):
        keep_frames(store, id)
        store.frames_path(id).with_name(f"{id}.frames.part").write_bytes(b"x")
    await store.delete(deleted)
    found = Finding("100", withheld, "ann", "blood", 0.9, "withhold")
    assert await store.picture_checks.withhold(withheld, [found], "It was withheld.")
    assert await store.cancelled(cancelled, None)
    assert list(store.files.states_folder.iterdir()) == []


async def test_frames_are_deleted_with_an_attached_picture_that_they_show(store):
    data = b"a picture"
    sha256 = hashlib.sha256(data).hexdigest()
    edits = [await added(store, init_image=sha256, pictures={sha256: data}) for _ in range(2)]
    other = await added(store)
    for id in (*edits, other):
        keep_frames(store, id)
    await store.withdraw(sha256)
    assert await there(store, [*edits, other]) == [False, False, True]


async def test_orphaned_frames_are_swept(store):
    known, stray = await painted(store), "a" * 32
    for id in (known, stray):
        keep_frames(store, id)
    assert await store.retention.sweep() == 1
    assert await there(store, [known, stray]) == [True, False]


async def test_frames_outlive_the_state_and_are_copied_for_a_continuation(store):
    first = await painted(store)
    store.state_path(first).write_bytes(b"state")
    keep_frames(store, first, 7)
    new = record()
    continuing = JobRecord(
        new.id, new.request, new.person, new.place, new.created_at, continues=first
    )
    await store.add(continuing, {})
    assert store.frames_path(new.id).read_bytes() == b"x" * 7
    store.files.thin_out_states([], 0)
    assert not store.state_path(first).exists()
    assert store.frames_path(first).exists()


async def test_a_waiting_time_lapse_knows_whether_frames_are_there(tmp_path, open_store):
    store = await open_store(tmp_path)
    shown, bare = await painted(store), await painted(store)
    keep_frames(store, shown)
    new = {}
    for id in (shown, bare):
        made = record()
        new[made.id] = id
        await store.add(
            JobRecord(
                made.id, made.request, made.person, made.place, made.created_at, time_lapse_of=id
            ),
            {},
        )
    await store.close()
    store = await open_store(tmp_path)
    waiting = await store.waiting()
    assert {each.id: each.recorded for each in waiting} == {
        id: of == shown for id, of in new.items()
    }
    await store.close()
