"""The jobs of one grid: stored together, and shown in one message."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.errors import RequestError
from tests.data.stored_jobs import HERE, done, record

MISSING = "a" * 64


async def grid_of(store, count=3):
    records = [record() for _ in range(count)]
    records = [replace(each, grid=records[0].id) for each in records]
    await store.add_all(records, {})
    return [each.id for each in records]


async def test_a_grid_has_its_jobs_in_their_order_also_after_a_restart(store, tmp_path):
    ids = await grid_of(store)
    await store.add(record(), {})
    assert [job.id for job in await store.grid(ids[0])] == ids
    assert {job.grid for job in await store.grid(ids[0])} == {ids[0]}
    assert [each.grid for each in await store.waiting()] == [ids[0]] * 3 + [None]


async def test_a_grid_is_stored_whole_or_not_at_all(store):
    good, bad = record(), record(init_image=MISSING)
    with pytest.raises(RequestError, match="is gone"):
        await store.add_all([replace(each, grid=good.id) for each in (good, bad)], {})
    assert await store.waiting() == []


async def test_all_are_shown_in_one_message_and_removed_with_it(store):
    ids = await grid_of(store)
    await store.set_progress_message(ids[0], "900")
    for id in ids:
        await store.rendered(id, done())
        assert await store.set_result_message(id, "901")
    assert await store.messages.job_shown_in(HERE.channel_id, "901") in ids
    assert set(await store.messages.results_of(ids)) == set(ids)
    gone = await store.messages.deleted(HERE.channel_id, ["901"])
    assert {message.job_id for message in gone} == set(ids)
    assert all(job.removed_at is not None for job in await store.grid(ids[0]))


async def test_the_others_can_be_kept_when_the_message_goes_with_one(store):
    ids = await grid_of(store)
    for id in ids:
        await store.rendered(id, done())
        await store.set_result_message(id, "901")
    await store.messages.forget_others(ids[1])
    assert [each.job_id for each in await store.messages.about(ids[1])] == [ids[1]]
    await store.messages.deleted(HERE.channel_id, ["901"])
    removed = [job.removed_at is not None for job in await store.grid(ids[0])]
    assert removed == [False, True, False]
