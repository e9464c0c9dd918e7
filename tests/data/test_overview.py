"""The numbers about stored jobs that the host sees."""

from __future__ import annotations

from engine.jobs.job import Place
from tests.data.stored_jobs import added, painted


async def test_jobs_are_counted_by_state(store):
    assert await store.overview.jobs_by_state() == {}
    for _ in range(2):
        await added(store)
    await store.failed(await added(store), "It did.")
    await painted(store)
    assert await store.overview.jobs_by_state() == {"queued": 2, "failed": 1, "rendered": 1}


async def test_each_server_has_the_channel_of_its_newest_job(store):
    for guild, channel, at in (
        ("100", "1", 500),
        ("100", "2", 600),
        ("100", "1", 700),
        ("101", "3", 600),
        ("102", "4", 499),
        (None, "5", 900),
    ):
        await added(store, place=Place(guild, channel), created_at=at)
    assert await store.overview.last_channels(500) == {"100": "1", "101": "3"}
    await added(store, place=Place("100", "2"), created_at=800)
    assert await store.overview.last_channels(500) == {"100": "2", "101": "3"}
    assert await store.overview.last_channels(1000) == {}
