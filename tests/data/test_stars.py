"""Stars, the starboard's messages, and the gallery's pages."""

from __future__ import annotations

from data.jobs.stored import StoredJob
from engine.jobs.job import Place
from tests.data.stored_jobs import painted
from tests.store_database import database_of


async def delivered(store, channel="200", guild="100", **values):
    id = await painted(store, place=Place(guild, channel), **values)
    await store.set_result_message(id, id[:18])
    return id


def ids(shown):
    assert all(isinstance(each.job, StoredJob) for each in shown)
    return [each.job.id for each in shown]


async def test_the_newest_come_by_channel_and_page_in_both_directions(store):
    jobs = [await delivered(store, channel=str(200 + i % 2)) for i in range(6)]
    await delivered(store, channel="300")
    await painted(store)  # not posted
    channels = ["200", "201"]
    first = await store.stars.newest(channels, 2)
    assert ids(first) == [jobs[5], jobs[4]]
    second = await store.stars.newest(channels, 3, before=first[-1].sequence)
    assert ids(second) == [jobs[3], jobs[2], jobs[1]]
    assert ids(await store.stars.newest(channels, 2, after=second[0].sequence)) == ids(first)
    assert ids(await store.stars.newest(channels, 1, after=second[-1].sequence)) == [jobs[2]]
    assert await store.stars.newest([], 5) == []


async def test_only_pictures_that_the_channel_shows_are_public(store):
    shown = await delivered(store)
    removed, reported, elsewhere = [await delivered(store) for _ in range(3)]
    await store.messages.deleted("200", [removed[:18]])
    await store.stars.hide([reported], "100")
    await database_of(store).change(
        "UPDATE job_messages SET guild_id = NULL WHERE job_id = ?", elsewhere
    )
    private = await delivered(store)
    await database_of(store).change(
        "UPDATE jobs SET private_channel_id = '1' WHERE id = ?", private
    )
    for id in (shown, removed, reported, elsewhere, private):
        await store.stars.count(id, "100", 3)
    assert ids(await store.stars.newest(["200"], 9)) == [shown]
    assert ids(await store.stars.most_starred("100", ["200"], 0, 9)) == [shown]
    await store.stars.hide([reported], "100", hidden=False)
    assert set(ids(await store.stars.newest(["200"], 9))) == {shown, reported}


async def test_the_most_starred_come_first_and_by_page(store, monkeypatch):
    monkeypatch.setattr("data.stars._CHUNK", 2)
    jobs = [await delivered(store) for _ in range(5)]
    other = await delivered(store, channel="300")
    for stars, id in enumerate([*jobs, other]):
        await store.stars.count(id, "100", stars)
    best = jobs[:0:-1]
    assert ids(await store.stars.most_starred("100", ["200"], 0, 9)) == best
    assert ids(await store.stars.most_starred("100", ["200"], 1, 2)) == best[1:3]
    assert await store.stars.most_starred("101", ["200"], 0, 9) == []


async def test_a_picture_is_claimed_once_and_a_reported_one_never(store):
    id = await delivered(store)
    assert not await store.stars.claim(id)  # nobody has starred it
    await store.stars.count(id, "100", 5)
    assert await store.stars.claim(id)
    assert not await store.stars.claim(id)
    await store.stars.release(id)
    assert await store.stars.claim(id)
    await store.stars.posted([id], "100", "300", "77")
    message = await store.stars.message(id)
    assert (message.channel_id, message.kind) == ("300", "starboard")
    assert await store.messages.job_shown_in("300", "77") == id
    assert {each.kind for each in await store.messages.about(id)} == {"result", "starboard"}
    await store.messages.deleted("300", ["77"])
    assert (await store.job(id)).removed_at is None  # the picture itself is still there
    await store.stars.hide([id], "100")
    assert not await store.stars.claim(id)
    await store.delete(id)
    assert (await store.stars.of(id)).stars == 0
