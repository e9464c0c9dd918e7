"""Time-lapses: one at a time per job and channel, and every ending is reported."""

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
    """Videos whose film the test supplies through ``made``, in place of the worker."""

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


async def test_it_is_posted_once_for_the_user_who_asked(client, videos, job):
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


async def test_unfinished_jobs_have_no_time_lapse(store, videos, job):
    waiting = await store.job(await added(store, "a hen", str(ALICE), HERE))
    with pytest.raises(GoneError):
        videos.ask(waiting, str(ALICE), 200, 100)
    with pytest.raises(GoneError):
        videos.ask(job, str(ALICE), None, None)
    assert not videos.busy


async def test_a_film_that_is_too_large_is_reported(client, videos, job):
    videos.ask(job, str(ALICE), 200, 100)
    videos.made.set_result(bytes(101))
    await over(videos)
    [message] = client.channels[200].messages
    assert "too large" in message.content
    assert message.files == {}


async def test_a_refusal_by_the_worker_is_reported(client, videos, job):
    videos.ask(job, str(ALICE), 200, 100)
    videos.made.set_exception(RequestError("The picture is gone."))
    await over(videos)
    assert "The picture is gone." in client.channels[200].messages[0].content


async def test_waiting_users_are_told_about_a_restart(client, videos, job):
    videos.ask(job, str(ALICE), 200, 100)
    await asyncio.sleep(0.05)
    await videos.close()
    assert "restarting" in client.channels[200].messages[0].content


@pytest.mark.parametrize("why", ["setting", "finding", "unreadable"])
async def test_a_hidden_picture_has_a_hidden_time_lapse(
    store, client, videos, job, guild_settings, configure, monkeypatch, why
):
    if why == "setting":
        await configure(spoiler=True)
    elif why == "finding":
        await store.picture_checks.add(
            [Finding("100", job.id, str(ALICE), "snake", 0.9, "spoiler")]
        )
    else:

        async def unreadable(guild_id):
            raise StoreError("The disk is gone.")

        monkeypatch.setattr(guild_settings, "rules", unreadable)
    videos.ask(job, str(ALICE), 200, 100)
    videos.made.set_result(b"mp4")
    await over(videos)
    [name] = client.channels[200].messages[0].files
    assert name.startswith("SPOILER_")


async def test_the_message_is_in_the_server_s_language(client, videos, job, configure):
    await configure(language="de")
    videos.ask(job, str(ALICE), 200, 100)
    videos.made.set_result(bytes(101))
    await over(videos)
    assert "zu groß" in client.channels[200].messages[0].content
