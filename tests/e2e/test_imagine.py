"""From `/imagine` in a client to the picture in the channel, over real sockets."""

from __future__ import annotations

import json
import sqlite3

import pytest

pytestmark = pytest.mark.timeout(240)
PROMPT = "a red circle on a blue background"


def row_of(bot, job_id):
    connection = sqlite3.connect(f"file:{bot.data / 'imagine-bot.sqlite3'}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    try:
        return dict(connection.execute("SELECT * FROM jobs WHERE id = ?", (job_id,)).fetchone())
    finally:
        connection.close()


def job_id_of(message):
    return message["components"][0]["components"][0]["custom_id"].rsplit(":", 1)[1]


async def test_imagine_from_interaction_to_result(channel, alice, standin, bot):
    asked = await standin.command(alice, channel, "imagine", prompt=PROMPT, seed=7,
                                  iterations=40)
    await bot.until(asked.edited.is_set, "the acknowledgement")
    assert asked.ephemeral
    assert asked.content.startswith("Queued")

    [result] = await bot.until(lambda: standin.results(channel), "the result")
    job_id = job_id_of(result)
    previews = [request for request in standin.requests("PATCH", r"/channels/\d+/messages/\d+")
                if any(name.startswith("preview-") for name, _ in request.files.values())]
    assert len(previews) >= 3
    assert len({data for request in previews for _, data in request.files.values()}) >= 3
    assert result["content"] == f"<@{alice.id}>"

    row = await bot.until(lambda: (row := row_of(bot, job_id))["result_message_id"] and row,
                          "the stored row")
    print(json.dumps({key: str(value)[:80] for key, value in row.items()}, indent=1))
