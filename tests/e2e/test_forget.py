"""While a person's data is deleted from a large database, everyone else is answered."""

from __future__ import annotations

import asyncio
import signal
import time

import pytest

from tests.databases import open_database
from tests.e2e.jobs import rows

pytestmark = [pytest.mark.timeout(600), pytest.mark.slow]
OTHERS_JOBS, OWN_JOBS = 150_000, 400
# Discord allows 3 s. When the file was rebuilt under the lock, a press waited that long.
LONGEST_WAIT = 1.0


def add_jobs(bot, person: str, count: int) -> None:
    """Copy the newest job ``count`` times as jobs of ``person``, without messages and files."""
    with open_database(bot.data / "imagine-bot.sqlite3") as database:
        names = [row[1] for row in database.execute("PRAGMA table_info(jobs)")]
        new = {
            "id": "lower(hex(randomblob(16)))",
            "sequence": "sequence + number",
            "person": "?",
            "prompt": "'a picture of ' || number || ' ' || hex(randomblob(400))",
            "progress_message_id": "NULL",
            "result_message_id": "NULL",
            "picture": "NULL",
        }
        columns = ", ".join(new.get(name, name) for name in names)
        database.execute(
            "WITH RECURSIVE numbers (number) AS "  # noqa: S608  names of columns
            "(SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < ?) "
            f"INSERT INTO jobs SELECT {columns} FROM "
            "(SELECT * FROM jobs ORDER BY sequence DESC LIMIT 1), numbers",
            (count, person),
        )


async def test_everybody_is_answered_while_data_is_deleted(channel, alice, bob, standin, bot):
    for user, prompt in ((alice, "a fox"), (bob, "a hen")):
        await standin.command(user, channel, "imagine", prompt=prompt, iterations=2)
    await bot.until(lambda: len(standin.results(channel)) == 2, "both results")
    [hen] = [
        message
        for message in standin.results(channel)
        if "a hen" in message["embeds"][0]["description"]
    ]
    await bot.end(signal.SIGTERM)
    carol = standin.world.add_user("carol")
    await asyncio.to_thread(add_jobs, bot, carol.id, OTHERS_JOBS)
    await asyncio.to_thread(add_jobs, bot, alice.id, OWN_JOBS)
    await bot.start()

    asked = await standin.command(alice, channel, "privacy forget")
    await bot.until(lambda: asked.message, "the question")
    deleting = await standin.press(alice, channel, asked.message, "Delete everything")
    waits: list[tuple[float, str]] = []

    async def wait_for(what, interaction):
        started = time.monotonic()
        await asyncio.wait_for((await interaction).acknowledged.wait(), 60)
        waits.append((time.monotonic() - started, what))

    while "I've deleted your data" not in deleting.text:
        for label in ("Remix", "Edit"):
            await wait_for(label, standin.press(bob, channel, hen, label))
        for name in ("queue", "history"):
            await wait_for(name, standin.command(bob, channel, name))
        started = time.monotonic()
        assert await standin.complete(bob, channel, "imagine", "prompt", "hen") == ["a hen"]
        waits.append((time.monotonic() - started, "completion"))
        await asyncio.sleep(0.1)
    assert max(waits)[0] < LONGEST_WAIT, sorted(waits)[-5:]
    assert rows(bot, "SELECT id FROM jobs WHERE person = ?", alice.id) == []
    [left] = rows(bot, "SELECT count(*) AS number FROM jobs")
    assert left["number"] == OTHERS_JOBS + 1
