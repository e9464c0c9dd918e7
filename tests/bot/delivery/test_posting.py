"""A message is posted exactly once, even if Discord's answers are lost."""

from __future__ import annotations

from dataclasses import replace

import aiohttp
import discord
import pytest

from bot.delivery import messages, posting
from bot.delivery.posting import post_once, upload_limit
from bot.ui.buttons import AgainButton
from engine.request.request import make_request
from tests.bot.discord_edge import ALICE, BOB, ME, Channel, Client, Message, new_id, refusal

JOB = "0123456789abcdef" * 2


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    monkeypatch.setattr(posting, "FIRST_PAUSE", 0.0)


@pytest.fixture
def channel():
    return Channel()


def find(message):
    return messages.carries(message, AgainButton, JOB)


async def make(limit):
    return messages.failed(str(ALICE), make_request("a fox"), "It rained.")


async def post(channel, make=make, **options):
    return await post_once(
        channel,
        make,
        job_id=JOB,
        nonce=f"f{JOB}",
        person=str(ALICE),
        find=find,
        **{"limit": 1000, **options},
    )


async def test_the_message_pings_only_its_user_and_its_nonce_fits(channel):
    id = await post(channel)
    [message] = channel.messages
    assert message.id == id
    assert [user.id for user in message.allowed_mentions.users] == [ALICE]
    assert message.allowed_mentions.everyone is message.allowed_mentions.roles is False
    assert message.nonce == f"f{JOB}"[:25]


@pytest.mark.parametrize(
    "trouble",
    [refusal(500), refusal(503), refusal(429), aiohttp.ClientConnectionError(), TimeoutError()],
)
async def test_a_lost_answer_does_not_post_twice(channel, trouble):
    channel.lost = [trouble]
    id = await post(channel)
    assert [message.id for message in channel.messages] == [id]
    assert channel.sends == 1


async def test_temporary_errors_are_retried(channel):
    channel.failures = [
        ("send", refusal(502)),
        ("read", refusal(500)),
        ("send", aiohttp.ClientConnectionError()),
    ]
    assert await post(channel) == channel.messages[0].id
    assert channel.sends == 3


async def test_posting_is_given_up_after_a_day(channel, monkeypatch):
    monkeypatch.setattr(posting, "BUDGET_SECONDS", -1.0)
    channel.failures = [("send", refusal(502))]
    assert await post(channel) is None
    assert channel.messages == []


async def test_a_permanent_refusal_is_raised_at_once(channel):
    channel.failures = [("send", refusal(403, 50013))]
    with pytest.raises(discord.Forbidden):
        await post(channel)
    assert channel.sends == 1


@pytest.mark.parametrize("trouble", [refusal(413), refusal(400, 40005)])
async def test_a_file_that_is_too_large_is_shrunk(channel, trouble):
    channel.failures = [("send", trouble), ("send", trouble)]
    limits = []

    async def sized(limit):
        limits.append(limit)
        text = await make(limit)
        return replace(text, files=(("fox.png", bytes(limit)),))

    assert await post(channel, sized, limit=1600) is not None
    assert limits == [1600, 1200, 900]
    assert len(channel.messages[0].files["fox.png"]) == 900


async def test_a_file_that_cannot_be_shrunk_enough_is_not_posted(channel):
    async def nothing(limit):
        return None

    assert await post(channel, nothing) is None
    assert channel.sends == 0


async def test_a_message_posted_before_a_restart_is_found_again(channel):
    id = await post(channel)
    assert await post(channel, look_first=True, own_id=ME) == id
    assert channel.sends == 1


async def test_only_the_bot_s_messages_after_the_progress_message_count_as_posted(channel):
    view = (await make(0)).view(JOB)
    old, shown = new_id(age=60), new_id(age=30)
    channel.messages = [
        Message(channel, old, view=view),
        Message(channel, new_id(), author=BOB, view=view),
    ]
    id = await post(channel, look_first=True, own_id=ME, after=shown)
    assert id not in [message.id for message in channel.messages[:2]]
    assert channel.sends == 1


async def test_a_channel_without_readable_history_still_gets_the_message(channel):
    channel.failures = [("read", refusal(403, 50001))]
    assert await post(channel, look_first=True) == channel.messages[0].id


def test_the_upload_limit_is_the_server_s_or_discord_s():
    client = Client(file_limit=5)
    assert upload_limit(client, 100) == 5
    assert upload_limit(client, None) == discord.utils.DEFAULT_FILE_SIZE_LIMIT_BYTES
    assert upload_limit(client, 101) == discord.utils.DEFAULT_FILE_SIZE_LIMIT_BYTES
