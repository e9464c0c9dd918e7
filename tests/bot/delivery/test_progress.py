"""One message shows a job's progress: the newest state, one edit at a time, then the ending."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from bot.delivery import messages
from bot.delivery.progress import ProgressMessage
from engine.events import Progress, Queued
from engine.request.request import make_request
from tests.bot.discord_edge import ALICE, Channel, Message, new_id, refusal, until

JOB = "0123456789abcdef" * 2
REQUEST = make_request("a fox")


@pytest.fixture
def channel():
    return Channel()


@pytest.fixture
def remembered():
    return []


@pytest.fixture
def progress(channel, remembered):
    return shown_in(channel, remembered)


def shown_in(channel, remembered, message_id=None, seconds=0.0, **options):
    async def remember(id):
        remembered.append(id)

    return ProgressMessage(channel, JOB, message_id, lambda: seconds, remember, **options)


def painting(iteration):
    return messages.painting(str(ALICE), REQUEST, Progress(iteration, 9, b"jpeg", {}, None))


async def shown(channel, text):
    """Wait until the channel's one message says ``text``."""
    await until(lambda: any(text in message.content for message in channel.messages))


async def test_one_message_is_posted_remembered_and_edited(channel, remembered, progress):
    progress.show(messages.queued(str(ALICE), REQUEST, Queued(1, 40.0)))
    await shown(channel, "Queued")
    progress.show(painting(3))
    await shown(channel, "3 of 9")
    [message] = channel.messages
    assert remembered == [message.id]
    assert list(message.files) == ["preview-3.jpg"]
    progress.show(painting(6))
    await shown(channel, "6 of 9")
    assert list(message.files) == ["preview-6.jpg"]  # the older preview does not stay
    assert [item.label for item in message.components[:3]] == ["Stop", "Cancel", "Remix"]
    await progress.close(messages.ended(REQUEST, "Over."))
    assert (message.content, message.files) == ("Over.", {})
    assert channel.sends == 1


async def test_only_the_newest_of_the_states_that_arrive_during_an_edit_is_shown(channel, progress):
    progress.show(painting(1))
    await shown(channel, "1 of 9")
    [message] = channel.messages
    held, edits = asyncio.Event(), []

    async def answer(what):
        edits.append(what)
        await held.wait()

    channel.answer = answer
    progress.show(painting(2))
    await until(lambda: edits)
    for iteration in (3, 4, 5):
        progress.show(painting(iteration))
        await asyncio.sleep(0)
    assert edits == ["edit"]  # one in flight
    held.set()
    await shown(channel, "5 of 9")
    assert message.edits == 2
    await progress.close()


async def test_edits_keep_their_interval_but_the_ending_does_not_wait(channel, remembered):
    progress = shown_in(channel, remembered, seconds=3600.0)
    progress.show(painting(1))
    await shown(channel, "1 of 9")
    progress.show(painting(2))
    for _ in range(20):
        await asyncio.sleep(0)
    assert channel.messages[0].edits == 0
    await progress.close(messages.ended(REQUEST, "Over."))
    assert channel.messages[0].content == "Over."


async def test_after_the_end_nothing_more_is_shown(channel, progress):
    progress.show(painting(1))
    await shown(channel, "1 of 9")
    progress.stop_updates()
    progress.show(painting(2))
    await progress.close(messages.ended(REQUEST, "Over."))
    assert [message.content for message in channel.messages] == ["Over."]


async def test_a_deleted_message_stays_deleted(channel, progress):
    progress.show(painting(1))
    await shown(channel, "1 of 9")
    channel.messages.clear()
    progress.show(painting(2))
    await until(lambda: progress.gone)
    progress.show(painting(3))
    await progress.close()
    assert channel.messages == []


@pytest.mark.parametrize(
    "trouble", [refusal(500), refusal(429), aiohttp.ClientError(), TimeoutError()]
)
async def test_a_temporary_error_loses_only_one_state(channel, progress, trouble):
    progress.show(painting(1))
    await shown(channel, "1 of 9")
    channel.failures = [("edit", trouble)]
    progress.show(painting(2))
    await until(lambda: not channel.failures)
    progress.show(painting(3))
    await shown(channel, "3 of 9")
    await progress.close()


async def test_a_message_near_an_hour_old_is_replaced(channel, remembered):
    old = Message(channel, new_id(age=56 * 60), content="before")
    channel.messages = [old]
    progress = shown_in(channel, remembered, old.id)
    progress.show(painting(1))
    await shown(channel, "1 of 9")
    await progress.close()
    [message] = channel.messages
    assert message.id != old.id
    assert remembered == [message.id]


async def test_it_replies_if_allowed_and_posts_without_a_reply_otherwise(channel, remembered):
    channel.failures = [("send", refusal(400, 160002))]
    progress = shown_in(channel, remembered, answers=77)
    progress.show(painting(1))
    await shown(channel, "1 of 9")
    await progress.close()
    assert channel.messages[0].reference is None
    progress = shown_in(Channel(201), remembered, answers=77)
    progress.show(painting(1))
    await shown(progress.channel, "1 of 9")
    await progress.close()
    assert progress.channel.messages[0].reference.message_id == 77


async def test_a_message_whose_answer_was_lost_is_found_and_not_posted_again(channel, remembered):
    channel.lost = [refusal(500)]
    progress = shown_in(channel, remembered)
    progress.show(painting(1))
    await shown(channel, "1 of 9")
    progress.show(painting(2))
    await shown(channel, "2 of 9")
    await progress.close()
    assert remembered == [message.id for message in channel.messages]
    assert channel.sends == 1


async def test_a_message_from_before_a_restart_is_found_and_shows_the_ending(channel, remembered):
    view = painting(1).view(JOB)
    channel.messages = [Message(channel, new_id(), content="before", view=view)]
    progress = shown_in(channel, remembered, may_be_there=True)
    await progress.close(messages.ended(REQUEST, "Over."))
    assert [message.content for message in channel.messages] == ["Over."]


async def test_without_a_progress_message_no_ending_is_shown(channel, progress):
    await progress.close(messages.ended(REQUEST, "Over."))
    assert channel.messages == []


async def test_a_message_that_is_gone_is_noted_once_and_not_edited_again(channel, remembered):
    old, noted = await channel.send("before"), []

    async def note(channel_id, ids):
        noted.append((channel_id, ids))

    progress = shown_in(channel, remembered, old.id, note_deleted=note)
    channel.failures = [("edit", refusal(404, 10008))]
    progress.show(painting(3))
    await until(lambda: progress.gone)
    await progress.close(painting(9))
    assert noted == [(channel.id, [old.id])]
    assert [message.content for message in channel.messages] == ["before"]


@pytest.mark.parametrize(("status", "code"), [(403, 50001), (404, 10003)])
async def test_a_message_that_cannot_be_edited_is_not_noted_as_deleted(
    channel, remembered, status, code
):
    old, noted = await channel.send("before"), []

    async def note(channel_id, ids):
        noted.append(ids)

    progress = shown_in(channel, remembered, old.id, note_deleted=note)
    channel.failures = [("edit", refusal(status, code))]
    progress.show(painting(3))
    await until(lambda: progress.gone)
    assert noted == []
    await progress.close()
