"""Users who want it get a direct message with a link to their picture."""

from __future__ import annotations

import aiohttp
import pytest

from bot.delivery.direct_messages import send_direct_message
from data.people import Preferences
from engine.events import Failed
from engine.jobs.job import Place
from tests.bot.discord_edge import ALICE, refusal
from tests.data.stored_jobs import done, painted

LINK = "https://discord.com/channels/100/200/300"


async def written(store, client, place, link, event=None, wanted=True):
    """Return the direct messages that alice gets about one of her jobs."""
    job = await store.job(await painted(store, "a fox", str(ALICE), place))
    await store.people.prefer(str(ALICE), Preferences(direct_message=wanted))
    await send_direct_message(store.people, client, job, event or done(), link)
    return [message.content for message in (await client.fetch_user(ALICE)).direct.messages]


async def test_the_link_and_the_prompt_are_sent(store, client):
    [text] = await written(store, client, Place("100", "200"), LINK)
    assert LINK in text
    assert "a fox" in text


async def test_a_failure_is_reported_as_a_failure(store, client):
    [text] = await written(store, client, Place("100", "200"), LINK, Failed("It rained."))
    assert "failed" in text


@pytest.mark.parametrize(
    ("place", "link", "wanted"),
    [
        (Place("100", "200"), LINK, False),
        (Place("100", "200"), None, True),
        (Place(None, "300"), LINK, True),
        (Place("100", "200"), "https://discord.com/channels/@me/2/3", True),
    ],
)
async def test_nothing_is_sent_to_users_who_do_not_want_it_or_have_it_already(
    store, client, place, link, wanted
):
    assert await written(store, client, place, link, wanted=wanted) == []


@pytest.mark.parametrize("trouble", [refusal(403, 50007), aiohttp.ClientError(), TimeoutError()])
async def test_closed_direct_messages_raise_no_error(store, client, trouble):
    (await client.fetch_user(ALICE)).direct.failures = [("send", trouble)]
    assert await written(store, client, Place("100", "200"), LINK) == []
