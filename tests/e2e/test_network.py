"""Discord is slow, limits requests or is unreachable: the result arrives once."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from tests.e2e.jobs import job_id_of, previews, row_of

pytestmark = [pytest.mark.timeout(300), pytest.mark.slow]
MESSAGES = r"/channels/\d+/messages$"


async def delivered(bot, standin, channel):
    [result] = await bot.until(lambda: standin.results(channel), "the result")
    await bot.until(lambda: row_of(bot, job_id_of(result))["state"] == "delivered", "the row")
    return result


async def test_limits_are_waited_for(channel, alice, standin, bot):
    standin.fail("POST", MESSAGES, 429, times=2, retry_after=0.5)
    standin.fail("PATCH", "@original", 429, times=1, retry_after=0.5)
    asked = await standin.command(alice, channel, "imagine", prompt="a fox", iterations=3)
    await delivered(bot, standin, channel)
    assert asked.content.startswith("Queued")
    refused = [request for request in standin.rest.requests if request.status == 429]
    assert len(refused) == 3
    for request in refused:
        again = next(
            later
            for later in standin.rest.requests
            if later.path == request.path
            and later.method == request.method
            and later.at > request.at
        )
        assert again.at - request.at >= 0.45


async def test_a_lost_answer_does_not_post_twice(channel, alice, standin, bot):
    """Discord posts it and answers 502 three times; the nonce shows that it is the same."""
    standin.fail("POST", MESSAGES, 502, times=3, done=True)
    await standin.command(alice, channel, "imagine", prompt="a fox", iterations=3)
    await delivered(bot, standin, channel)
    assert len(standin.results(channel)) == 1
    assert len(channel.messages) == 2


async def test_a_file_that_is_too_large_is_made_smaller(channel, alice, standin, bot):
    standin.rest.max_file = 3000
    await standin.command(alice, channel, "imagine", prompt="a fox", size="128", iterations=3)
    result = await delivered(bot, standin, channel)
    [attachment] = result["attachments"]
    assert attachment["size"] <= 3000
    path = attachment["url"].removeprefix(standin.url)
    assert Image.open(io.BytesIO(standin.world.blobs[path])).format == "WEBP"


async def test_a_dropped_connection_is_resumed_and_jobs_continue(channel, alice, standin, bot):
    await standin.command(alice, channel, "imagine", prompt="a fox", iterations=100)
    await bot.until(lambda: previews(standin), "a preview")
    await standin.gateway.drop()
    # Sent while the bot was disconnected; the resumed session delivers it.
    await standin.command(alice, channel, "imagine", prompt="a hen", iterations=3)
    await bot.until(lambda: len(standin.results(channel)) == 2, "both results", 120)
    assert standin.gateway.resumed == 1
    assert standin.gateway.identified == 1


async def test_if_the_channel_is_deleted_the_person_gets_a_direct_message(
    channel, alice, standin, bot
):
    await standin.command(alice, channel, "imagine", prompt="a fox", iterations=60)
    await bot.until(lambda: previews(standin), "a preview")
    channel.deleted = True
    await bot.until(
        lambda: any(
            standin.results(place)
            for place in standin.world.channels.values()
            if place.recipient == alice.id
        ),
        "the direct message",
    )
