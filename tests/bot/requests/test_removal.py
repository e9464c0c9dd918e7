"""A job is removed completely: from the queue, from Discord and from disk."""

from __future__ import annotations

import pytest

from bot.requests.removal import Removal
from engine.jobs.queue import PaintQueue
from engine.request.request import make_request
from tests.bot.discord_edge import ALICE, refusal
from tests.bot.requests.origins import HERE
from tests.data.stored_jobs import painted


class Deliveries:
    """Posts nothing; records the jobs whose posting was ended."""

    def __init__(self):
        self.ended = []

    async def next_event(self, events):
        return await anext(events, None)

    async def stop_posting(self, job_id, seconds):
        self.ended.append(job_id)


@pytest.fixture
def queue(store):
    return PaintQueue(store)


@pytest.fixture
def deliveries():
    return Deliveries()


@pytest.fixture
def removal(store, queue, deliveries, client):
    return Removal(store, queue, deliveries, client)


@pytest.fixture
async def job(store, channel):
    """A job whose picture and progress were posted."""
    id = await painted(store, "a fox", str(ALICE), HERE)
    await store.set_progress_message(id, str((await channel.send("progress")).id))
    await store.set_result_message(id, str((await channel.send("result")).id))
    return await store.job(id)


async def test_a_waiting_job_is_cancelled(store, queue, removal, deliveries):
    job = await queue.submit(make_request("a fox"), person=str(ALICE), place=HERE)
    await removal.end(job.id)
    assert queue.overview() == []
    assert (await store.job(job.id)).state == "cancelled"
    assert deliveries.ended == [job.id]


async def test_messages_row_and_picture_are_deleted(store, channel, removal, job):
    assert await removal.remove(job) == "Deleted."
    assert channel.messages == []
    assert await store.job(job.id) is None
    assert not store.files.picture(job.id).exists()


async def test_messages_that_are_deleted_already_raise_no_error(channel, removal, job):
    channel.messages.clear()
    assert await removal.remove(job) == "Deleted."


async def test_a_message_that_cannot_be_deleted_is_reported_and_the_rest_is_deleted(
    store, channel, removal, job
):
    channel.failures = [("delete", refusal(500))]
    text = await removal.remove(job)
    assert text.startswith("Deleted, but I couldn't delete its message:")
    assert len(channel.messages) == 1
    assert await store.job(job.id) is None


async def test_a_result_that_was_sent_directly_is_deleted_there(store, client, channel, removal):
    user = await client.fetch_user(ALICE)
    id = await painted(store, "a fox", str(ALICE), HERE)
    await store.set_result_message(id, str((await user.send("result")).id))
    channel.failures = [("delete", refusal(403, 50001))]
    assert await removal.delete_messages(await store.job(id)) is None
    assert user.direct.messages == []


async def test_unreachable_messages_are_reported_with_the_reason(channel, client, removal, job):
    channel.failures = [("delete", refusal(403, 50001)), ("delete", refusal(403, 50001))]
    (await client.fetch_user(ALICE)).direct.failures = [
        ("delete", refusal(403, 50007)),
        ("delete", refusal(403, 50007)),
    ]
    assert await removal.delete_messages(job) is not None
