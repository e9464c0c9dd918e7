"""A time-lapse is made once at a time in a channel, and whoever asked hears what became of it."""

from __future__ import annotations

import asyncio

import pytest

from bot.delivery.videos import Videos
from bot.errors import GoneError
from data.errors import StoreError
from data.picture_checks import Finding
from engine.errors import RequestError
from engine.jobs.job import Place
from engine.jobs.queue import PaintQueue
from tests.bot.discord_edge import ALICE, BOB, Client
from tests.data.stored_jobs import added, painted

HERE = Place("100", "200")


class Film(Videos):
    """The worker's part is the test's: ``made`` says what the film is."""

    def __init__(self, *parts):
        super().__init__(*parts)
        self.made = asyncio.get_running_loop().create_future()

    async def film(self, job_id):
        return await self.made


@pytest.fixture
def client():
    return Client(file_limit=100)


@pytest.fixture
async def videos(store, client, guild_settings):
    videos = Film(store, PaintQueue(store), guild_settings, client)
    yield videos
    await videos.close()


@pytest.fixture
async def job(store):
    return await store.job(await painted(store, "a fox", str(ALICE), HERE))


async def over(videos):
    async with asyncio.timeout(10):
        await asyncio.gather(*videos._tasks.values())
    assert not videos.busy


async def test_it_is_posted_for_who_asked_and_asked_for_once_at_a_time(client, videos, job):
    assert videos.ask(job, str(BOB), 200, 100)
    assert not videos.ask(job, str(ALICE), 200, 100)
    assert videos.ask(job, str(ALICE), 201, 100)  # another channel has one of its own
    videos.made.set_result(b"mp4")
    await over(videos)
    [message] = client.channels[200].messages
    assert message.content.startswith(f"<@{BOB}>")
    assert [user.id for user in message.allowed_mentions.users] == [BOB]
    assert message.files == {f"a-fox-7-{job.id[:8]}.mp4": b"mp4"}
    assert len(client.channels[201].messages) == 1


async def test_there_is_none_of_what_is_not_painted(store, videos, job):
    waiting = await store.job(await added(store, "a hen", str(ALICE), HERE))
    with pytest.raises(GoneError):
        videos.ask(waiting, str(ALICE), 200, 100)
    with pytest.raises(GoneError):
        videos.ask(job, str(ALICE), None, None)
    assert not videos.busy


async def test_one_that_is_too_large_for_the_server_is_said(client, videos, job):
    videos.ask(job, str(ALICE), 200, 100)
    videos.made.set_result(bytes(101))
    await over(videos)
    [message] = client.channels[200].messages
    assert "too large" in message.content
    assert message.files == {}


async def test_a_refusal_of_the_worker_s_is_said(client, videos, job):
    videos.ask(job, str(ALICE), 200, 100)
    videos.made.set_exception(RequestError("The picture is gone."))
    await over(videos)
    assert "The picture is gone." in client.channels[200].messages[0].content


async def test_who_waits_is_told_of_a_restart(client, videos, job):
    videos.ask(job, str(ALICE), 200, 100)
    await asyncio.sleep(0.05)
    await videos.close()
    assert "restarting" in client.channels[200].messages[0].content


@pytest.mark.parametrize("why", ["setting", "finding", "unreadable"])
async def test_what_the_server_hides_stays_hidden(
        store, client, videos, job, guild_settings, configure, monkeypatch, why):
    if why == "setting":
        await configure(spoiler=True)
    elif why == "finding":
        await store.picture_checks.add([
            Finding("100", job.id, str(ALICE), "snake", 0.9, "spoiler")])
    else:
        async def unreadable(guild_id):
            raise StoreError("The disk is gone.")

        monkeypatch.setattr(guild_settings, "rules", unreadable)
    videos.ask(job, str(ALICE), 200, 100)
    videos.made.set_result(b"mp4")
    await over(videos)
    [name] = client.channels[200].messages[0].files
    assert name.startswith("SPOILER_")


async def test_it_is_said_in_the_language_of_the_server(client, videos, job, configure):
    await configure(language="de")
    videos.ask(job, str(ALICE), 200, 100)
    videos.made.set_result(bytes(101))
    await over(videos)
    assert "zu groß" in client.channels[200].messages[0].content
