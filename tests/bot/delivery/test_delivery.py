"""A job is followed from its first event to its result, through deletions, restarts and changes."""

from __future__ import annotations

import asyncio

import pytest

from bot.delivery import delivery as delivery_module
from bot.delivery import posting
from data.errors import BucketError
from data.people import Preferences
from engine.events import Cancelled, Failed, Progress, Queued
from engine.jobs import patience
from engine.jobs.job import Job, JobRecord, Place
from engine.jobs.queue import PaintQueue
from engine.request.request import make_request
from tests.bot.discord_edge import ALICE, refusal, until
from tests.data.stored_jobs import done, record

HERE = Place("100", "200")


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    monkeypatch.setattr(posting, "FIRST_PAUSE", 0.0)
    monkeypatch.setattr(delivery_module, "CLOSING_SECONDS", 0.5)


@pytest.fixture
def delivery(new_delivery):
    return new_delivery()


@pytest.fixture
async def follow(store, delivery, guild_settings):
    """Return a function that follows a new job; the test publishes its events."""

    async def follow(**options):
        new = record("a fox", str(ALICE), HERE)
        await store.add(new, {})
        job = Job(new)
        delivery.follow([job], await guild_settings.rules("100"), **options)
        return job

    return follow


def painting(iteration):
    return Progress(iteration, 9, b"jpeg", {}, None)


async def finish(store, job, **values):
    """End the job as the queue does when the worker is done."""
    ending = done(b"a picture", **values)
    await store.started(job.id)
    await store.rendered(job.id, ending)
    job.publish(ending)


async def shown(channel, text):
    await until(lambda: any(text in (message.content or "") for message in channel.messages))


async def idle(delivery):
    await until(lambda: not delivery.busy)


async def test_progress_becomes_a_link_to_the_result(store, channel, delivery, follow):
    job = await follow(answers=77)
    job.publish(Queued(2, 40.0))
    await shown(channel, "Queued")
    job.publish(painting(3))
    await shown(channel, "3 of 9")
    await finish(store, job)
    await idle(delivery)
    progress, result = channel.messages
    assert progress.reference.message_id == 77
    assert result.jump_url in progress.content
    assert progress.embeds == []  # a short line: the result has the rest
    assert list(result.files.values()) == [b"a picture"]
    stored = await store.job(job.id)
    assert stored.state == "delivered"
    assert (stored.progress_message_id, stored.result_message_id) == (
        str(progress.id),
        str(result.id),
    )


async def test_a_server_can_have_the_progress_removed_once_the_result_stands(
    store, channel, delivery, follow, guild_settings
):
    await guild_settings.change("100", "1", lambda rules: {"progress": "remove"})
    job = await follow()
    job.publish(painting(3))
    await shown(channel, "3 of 9")
    await finish(store, job)
    await idle(delivery)
    [result] = channel.messages
    assert list(result.files.values()) == [b"a picture"]


async def test_the_answer_to_the_command_says_that_the_result_is_refused_everywhere(
    store, client, channel, delivery, follow
):
    told = []

    async def tell(text):
        told.append(text)

    channel.failures = [("send", refusal(403, 50013))] * 9
    (await client.fetch_user(ALICE)).direct.failures = [("send", refusal(403, 50007))]
    await finish(store, await follow(tell=tell))
    await idle(delivery)
    [text] = told
    assert "Find it in /history" in text


async def test_a_cancelled_job_posts_nothing(store, channel, delivery, follow):
    job = await follow()
    job.publish(Queued(1, None))
    await shown(channel, "Queued")
    await store.cancelled(job.id, None)
    job.publish(Cancelled())
    await idle(delivery)
    assert [message.content for message in channel.messages] == ["Cancelled."]
    assert await store.undelivered() == []


async def test_a_failure_is_a_message_of_its_own(store, channel, delivery, follow):
    job = await follow()
    job.publish(Queued(1, None))
    await shown(channel, "Queued")
    await store.failed(job.id, "No memory is left.")
    job.publish(Failed("No memory is left."))
    await idle(delivery)
    assert "failed" in channel.messages[0].content
    assert channel.messages[1].content == f"<@{ALICE}> No memory is left."
    assert await store.undelivered() == []


async def test_nothing_is_posted_for_a_deleted_job(store, channel, delivery, follow):
    job = await follow()
    await store.delete(job.id)
    job.publish(done())
    await idle(delivery)
    assert channel.messages == []


async def test_settings_changed_while_a_job_waits_apply_to_its_result(
    store, channel, delivery, follow, configure
):
    job = await follow()
    job.publish(Queued(1, None))
    await shown(channel, "Queued")
    await configure(spoiler=True)
    await finish(store, job)
    await idle(delivery)
    assert [name.startswith("SPOILER_") for name in channel.messages[1].files] == [True]


async def test_a_concept_added_while_a_job_waits_withholds_its_picture(
    store, channel, delivery, follow, configure
):
    job = await follow()
    job.publish(painting(1))
    await shown(channel, "1 of 9")
    await configure(concepts={"blood": {"threshold": 0.5, "action": "withhold"}})
    await finish(store, job, scores={"blood": 0.9})
    await idle(delivery)
    assert "withheld" in channel.messages[1].content
    assert channel.messages[1].files == {}
    assert (await store.job(job.id)).state == "failed"


@pytest.mark.parametrize("why", ["preferences", "concepts"])
async def test_previews_can_be_turned_off_by_the_user_or_the_server(
    store, channel, follow, configure, why
):
    if why == "preferences":
        await store.people.prefer(str(ALICE), Preferences(previews=False))
    else:
        await configure(concepts={"blood": {"threshold": 0.5, "action": "withhold"}})
    job = await follow()
    job.publish(painting(3))
    await shown(channel, "3 of 9")
    assert channel.messages[0].files == {}


async def test_users_who_want_a_direct_message_get_one(store, client, delivery, follow):
    await store.people.prefer(str(ALICE), Preferences(direct_message=True))
    job = await follow()
    await finish(store, job)
    await idle(delivery)
    [direct] = client.users[ALICE].direct.messages
    assert client.channels[200].messages[-1].jump_url in direct.content


async def test_a_refused_result_is_tried_again_when_the_server_changes(
    store, client, channel, delivery, follow
):
    channel.failures = [("send", refusal(403, 50013))]
    (await client.fetch_user(ALICE)).direct.failures = [("send", refusal(403, 50007))]
    job = await follow()
    await finish(store, job)
    await idle(delivery)
    assert channel.messages == []
    await delivery.retry_refused(101)
    assert not delivery.busy
    await delivery.retry_refused(100)
    await idle(delivery)
    assert len(channel.messages) == 1
    assert (await store.job(job.id)).state == "delivered"
    await delivery.retry_refused(100)
    assert not delivery.busy


async def test_a_server_that_changes_right_after_a_refusal_still_gets_the_result(
    store, client, channel, delivery, follow
):
    released, held = asyncio.Event(), asyncio.Event()
    answer = channel.answer

    async def hold_edits(what):
        if what == "edit":  # as a rate limit does: the job's task goes on after the refusal
            held.set()
            await released.wait()
        await answer(what)

    job = await follow()
    job.publish(Queued(1, None))
    await shown(channel, "Queued")
    channel.answer = hold_edits
    channel.failures = [("send", refusal(403, 50013))]
    (await client.fetch_user(ALICE)).direct.failures = [("send", refusal(403, 50007))]
    await finish(store, job)
    await held.wait()
    retry = asyncio.create_task(delivery.retry_refused(100))
    await asyncio.sleep(0.05)
    released.set()
    await retry
    await idle(delivery)
    assert (await store.job(job.id)).state == "delivered"


async def test_a_shutdown_is_announced_and_the_next_start_delivers(
    store, channel, delivery, new_delivery, follow
):
    job = await follow()
    job.publish(painting(3))
    await shown(channel, "3 of 9")
    await delivery.close()
    assert "restarting" in channel.messages[0].content
    await store.started(job.id)
    await store.rendered(job.id, done(b"a picture"))  # the worker was faster than the shutdown
    later = new_delivery()
    await later.take_up()
    await idle(later)
    progress, result = channel.messages
    assert result.jump_url in progress.content
    await later.take_up()
    assert not later.busy


async def test_a_closed_delivery_follows_nothing(channel, delivery, follow):
    await delivery.close()
    job = await follow()
    job.publish(Queued(1, None))
    assert not delivery.busy


async def test_the_next_start_posts_every_ending_that_was_not_posted(store, channel, new_delivery):
    ids = {}
    for state in ("cancelled", "failed", "rendered"):
        new = record(state, str(ALICE), HERE)
        await store.add(new, {})
        ids[state] = new.id
    await store.cancelled(ids["cancelled"], None)
    await store.failed(ids["failed"], "No memory is left.")
    await store.rendered(ids["rendered"], done())
    (store.folder / "pictures" / f"{ids['rendered']}.png").unlink()
    later = new_delivery()
    await later.take_up()
    await idle(later)
    texts = sorted(message.content for message in channel.messages)
    assert len(texts) == 2
    assert "No memory is left." in texts[0] + texts[1]
    assert "is gone" in texts[0] + texts[1]
    assert await store.undelivered() == []


async def test_a_picture_that_cannot_be_read_for_a_while_is_posted_later(
    store, channel, new_delivery, monkeypatch
):
    monkeypatch.setattr(patience, "FIRST_PAUSE", 0.01)
    new = record("a fox", str(ALICE), HERE)
    await store.add(new, {})
    await store.started(new.id)
    await store.rendered(new.id, done(b"a picture"))
    read, failures = store.pictures.read, [BucketError("The bucket can't be used.")] * 2

    async def read_at_last(name):
        if failures:
            raise failures.pop()
        return await read(name)

    monkeypatch.setattr(store.pictures, "read", read_at_last)
    later = new_delivery()
    await later.take_up()
    async with asyncio.timeout(5):
        while later.busy:  # noqa: ASYNC110  nothing tells that it changed
            await asyncio.sleep(0.01)
    [message] = channel.messages
    assert list(message.files.values()) == [b"a picture"]
    assert await store.undelivered() == []


async def test_resumed_jobs_continue_in_their_old_progress_message(store, channel, new_delivery):
    new = record("a fox", str(ALICE), HERE)
    await store.add(new, {})
    before = await channel.send("before")
    await store.set_progress_message(new.id, str(before.id))
    queue = PaintQueue(store)
    job = Job(JobRecord(new.id, make_request("a fox", seed=7), str(ALICE), HERE), resumed=True)
    queue._resumed = [job]  # as start() finds it, which would start a worker too
    delivery = new_delivery(queue)
    await delivery.take_up()
    job.publish(painting(4))
    await shown(channel, "4 of 9")
    assert [message.id for message in channel.messages] == [before.id]


async def test_stop_posting_waits_and_then_ends_the_task(delivery, follow):
    job = await follow()
    await delivery.stop_posting("another", 10.0)
    started = asyncio.get_running_loop().time()
    await delivery.stop_posting(job.id, 0.05)
    assert asyncio.get_running_loop().time() - started < 5
    await idle(delivery)
