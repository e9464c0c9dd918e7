"""The jobs of a server, as its moderators find them."""

from __future__ import annotations

import time

from tests.data.stored_jobs import added, painted


def now():
    return time.time_ns() // 1_000_000


async def test_jobs_are_found_by_words_id_and_message(store):
    jobs = store.server_jobs
    fox = await painted(store, "A red fox", "ann")
    hen = await added(store, "a 100% wild hen", "bob")
    await store.set_result_message(fox, "900000000000000001")
    assert [job.id for job in await jobs.recent("100")] == [hen, fox]
    assert [job.id for job in await jobs.recent("100", person="ann")] == [fox]
    assert [job.id for job in await jobs.recent("100", words="RED")] == [fox]
    assert [job.id for job in await jobs.recent("100", words="0%")] == [hen]
    assert await jobs.recent("100", words="r%x") == []
    assert [job.id for job in await jobs.recent("100", words=hen[:8])] == [hen]
    for text in (
        fox,
        fox[:8].upper(),
        "900000000000000001",
        "https://discord.com/channels/100/200/900000000000000001",
    ):
        found = await jobs.find("100", text)
        assert found is not None
        assert found.id == fox
        assert await jobs.find("101", text) is None
    for text in ("", "fox", "%", "______", fox[:5], "900000000000000002"):
        assert await jobs.find("100", text) is None


async def test_deleted_jobs_still_count_as_asked_for(store):
    jobs, began = store.server_jobs, now()
    id = await added(store, "a fox", "ann", created_at=began)
    gone = await added(store, "a hen", "ann", created_at=began + 5)
    await store.delete(gone)
    await added(store, "a hen", "ann", created_at=began - 10)
    assert await jobs.asked_since("100", "ann", began - 1) == [began, began + 5]
    await store.delete(id)
    assert await jobs.asked_since("100", "ann", began - 1) == [began, began + 5]
    assert await jobs.asked_since("101", "ann", 0) == []
