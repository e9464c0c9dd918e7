"""While a person's data is deleted from a large database, everybody else is answered."""

from __future__ import annotations

import asyncio
import time

import pytest

from bench.bot.history_database import make_database
from tests.e2e.conftest import running_bot
from tests.e2e.jobs import rows

pytestmark = [pytest.mark.timeout(600), pytest.mark.slow]
ROWS, HEAVY = 150_000, 1500
# Discord waits for 3 s. A press waited for all of the database's rebuild, 2.8 s with as many rows.
LONGEST_WAIT = 1.0


async def test_everybody_is_answered_while_somebody_is_forgotten(
    channel, alice, bob, standin, tmp_path, environment
):
    world = standin.world
    await asyncio.to_thread(
        make_database,
        tmp_path / "data",
        ROWS,
        guild_id=world.guild_id,
        channel_id=channel.id,
        heavy=(alice.id, world.add_user("carol").id),
    )
    async with running_bot(standin, tmp_path, environment) as bot:
        await standin.command(bob, channel, "imagine", prompt="a hen", iterations=2)
        await bot.until(lambda: standin.results(channel), "the picture")
        [hen] = standin.results(channel)
        mine = "SELECT id FROM jobs WHERE person = ?"
        assert len(rows(bot, mine, alice.id)) == HEAVY

        asked = await standin.command(alice, channel, "privacy forget")
        await bot.until(lambda: asked.message, "the question")
        deleting = await standin.press(alice, channel, asked.message, "Delete everything")
        waits: list[tuple[float, str]] = []

        async def wait_for(what, interaction):
            started = time.monotonic()
            sent = await interaction
            await asyncio.wait_for(sent.acknowledged.wait(), 60)
            waits.append((time.monotonic() - started, what))
            return sent

        while "I've deleted your data" not in deleting.text:
            for label in ("Remix", "Edit"):
                opened = await wait_for(label, standin.press(bob, channel, hen, label))
                assert opened.modal is not None, opened.content
            for name in ("queue", "history"):
                await wait_for(name, standin.command(bob, channel, name))
            started = time.monotonic()
            assert await standin.complete(bob, channel, "imagine", "prompt", "hen") == ["a hen"]
            waits.append((time.monotonic() - started, "completion"))
            await asyncio.sleep(0.1)
        assert len(waits) > 5  # not done before the first press
        assert max(waits)[0] < LONGEST_WAIT, sorted(waits)[-5:]
        assert rows(bot, mine, alice.id) == []
        assert len(rows(bot, mine, bob.id)) == 1
        [left] = rows(bot, "SELECT COUNT(*) AS number FROM jobs")
        assert left["number"] == ROWS - HEAVY + 1
