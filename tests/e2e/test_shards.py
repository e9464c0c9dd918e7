"""Two processes share the shards, the queue and one PostgreSQL; one dies, and comes back."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import time

import pytest

from tests.e2e.conftest import BotProcess
from tests.e2e.jobs import job_id_of, previews
from tests.postgres import running_server

pytestmark = [pytest.mark.timeout(300), pytest.mark.slow]
TAKEN_OVER_SECONDS = 30


class ShardProcess(BotProcess):
    """A process with one of two shards."""

    def __init__(self, standin, folder, shard, environment):
        super().__init__(
            standin,
            folder / "data",
            folder / f"bot{shard}.log",
            {
                **environment,
                "IMAGINE_SHARDS": "2",
                "IMAGINE_SHARD_IDS": str(shard),
                "IMAGINE_METRICS_PORT": "0",
            },
        )
        self.shard = shard

    async def start(self):
        await super().start()
        await self.until(lambda: self.standin.gateway.connected(self.shard, 2), "its shard")


@pytest.fixture
async def bots(standin, tmp_path, environment):
    standin.gateway.concurrency = 16
    url = running_server().clean_database("shards")
    processes = [
        ShardProcess(standin, tmp_path, shard, {**environment, "IMAGINE_DATABASE_URL": url})
        for shard in (0, 1)
    ]
    async with contextlib.AsyncExitStack() as stack:
        for process in processes:
            await process.start()
            stack.push_async_callback(process.end, signal.SIGKILL)
        yield processes
    for process in processes:
        errors = [
            line
            for line in map(json.loads, process.log_text().splitlines())
            if line["level"] in ("error", "critical")
        ]
        assert not errors, errors


async def test_a_living_process_takes_over_and_gives_back(standin, bots, alice):
    world = standin.world
    channels = [
        world.add_channel("paintings", guild=world.add_guild(f"server {shard}", shard, 2))
        for shard in (0, 1)
    ]
    first, second = bots

    async def works(channel):
        """Commands, buttons and completions, whichever process is connected."""
        already = len(standin.results(channel))
        await standin.command(alice, channel, "imagine", prompt="a fox", iterations=3)
        await first.until(lambda: len(standin.results(channel)) > already, "the picture")
        result = standin.results(channel)[-1]
        pressed = await standin.press(alice, channel, result, "Remix")
        await first.until(pressed.acknowledged.is_set, "the answer to the button")
        assert await standin.complete(alice, channel, "imagine", "prompt", "a f") != []

    for channel in channels:
        await works(channel)

    # Settings, and what one process paints, are the other's, too.
    owners = [channel.guild.owner for channel in channels]
    said = await standin.command(owners[0], channels[0], "config set", name="jobs_a_day", value="5")
    await first.until(lambda: "jobs_a_day is now 5" in said.content, "the setting")
    history = await standin.command(alice, channels[1], "history")
    await first.until(lambda: "a fox" in history.text, "the history")

    # Kill the second one while it paints.
    asked = await standin.command(alice, channels[1], "imagine", prompt="a hen", iterations=150)
    seen = len(previews(standin))
    await second.until(lambda: len(previews(standin)) > seen, "a preview")
    died = time.monotonic()
    await second.end(signal.SIGKILL)
    await first.until(lambda: standin.gateway.connected(1, 2), "the take-over", 60)
    assert time.monotonic() - died < TAKEN_OVER_SECONDS
    before = len(standin.results(channels[1]))
    await first.until(lambda: len(standin.results(channels[1])) > before, "the dead one's picture")
    assert asked.content.startswith("Queued")
    await works(channels[1])

    # It comes back, and gets its shard.
    await second.start()
    await first.until(lambda: "Giving shard 1 back" in first.log_text(), "giving back", 60)
    await second.until(lambda: standin.gateway.connected(1, 2), "its shard", 60)
    for channel in channels:
        await works(channel)
    jobs = [job_id_of(result) for channel in channels for result in standin.results(channel)]
    assert len(jobs) == len(set(jobs)) == 6


async def test_both_paint_what_is_asked_of_one_and_say_so(standin, bots, alice):
    world = standin.world
    here, there = [
        world.add_channel("paintings", guild=world.add_guild(f"server {shard}", shard, 2))
        for shard in (0, 1)
    ]
    first, second = bots
    bob = world.add_user("bob")
    # Alice and bob ask only in the server of the first process, which has one worker.
    for number in range(3):
        for user in (alice, bob):
            await standin.command(
                user, here, "imagine", prompt=f"{user.name} {number}", iterations=40
            )

    async def queue(channel):
        shown = await standin.command(alice, channel, "queue")
        await first.until(shown.acknowledged.is_set, "the queue")
        return shown.text

    # What the other one paints is still shown where it was asked for, and counted there.
    async with asyncio.timeout(60):
        while "**running, expected" not in (text := await queue(here)):  # noqa: ASYNC110  it is asked
            await asyncio.sleep(0.1)
    assert "of 40" in text
    assert "taken from another process" in second.log_text()
    assert "from elsewhere" in await queue(there)
    await first.until(lambda: len(standin.results(here)) == 6, "the pictures", 90)
    jobs = [job_id_of(result) for result in standin.results(here)]
    assert len(set(jobs)) == 6
    assert standin.results(there) == []
    painted = [
        {
            line["job"]
            for line in map(json.loads, bot.log_text().splitlines())
            if "rendered" in line["message"]
        }
        for bot in bots
    ]
    assert all(painted)
    assert sum(map(len, painted)) == 6
    # One message for each job about its progress, also where both edited it.
    await first.until(lambda: len(here.messages) == 12, "one message for each job's progress")
