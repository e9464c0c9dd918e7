"""From `/imagine` in a client to the picture in the channel, over real sockets."""

from __future__ import annotations

import io
import json

import discord
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from tests.e2e.conftest import drawn_or_tiny
from tests.e2e.jobs import has_loaded, job_id_of, previews, row_of

pytestmark = pytest.mark.timeout(240)
PROMPT = "a red circle on a blue background"


@pytest.fixture
def model():
    return drawn_or_tiny()


@pytest.fixture
def environment(environment):
    return environment | {"IMAGINE_PREVIEW_SECONDS": "0.1"}


async def test_imagine_from_interaction_to_result(channel, alice, bob, standin, bot):
    asked = await standin.command(alice, channel, "imagine", prompt=PROMPT, seed=7, iterations=60)
    await bot.until(asked.edited.is_set, "the acknowledgement")
    assert asked.answered_after < 3
    assert asked.ephemeral
    assert asked.content.startswith("Queued: you're next")

    # One message is edited with the previews.
    [progress] = await bot.until(lambda: list(channel.messages.values()), "the progress message")
    [result] = await bot.until(lambda: standin.results(channel), "the result")
    seen = previews(standin)
    assert len(seen) >= 3
    assert {request.path.rsplit("/", 1)[1] for request in seen} == {progress["id"]}
    pictures = [data for request in seen for _, data in request.files.values()]
    assert len(set(pictures)) >= 3
    assert all(Image.open(io.BytesIO(data)).format == "JPEG" for data in pictures)
    assert all(len(request.files) == 1 for request in seen)

    # The result is a message of its own, with all settings, that pings only the person.
    assert result["content"] == f"<@{alice.id}>"
    sent = next(
        request
        for request in standin.requests("POST", r"/channels/\d+/messages")
        if request.answer["id"] == result["id"]
    )
    assert sent.payload["allowed_mentions"] == {"parse": [], "users": [int(alice.id)]}
    assert sent.payload["enforce_nonce"] is True
    embed = result["embeds"][0]
    assert PROMPT in embed["description"]
    for part in ("seed 7", "60 iterations", " s"):
        assert part in embed["footer"]["text"]

    # The stored picture is the posted one.
    job_id = job_id_of(result)
    row = await bot.until(
        lambda: (row := row_of(bot, job_id))["state"] == "delivered" and row, "the stored row"
    )
    assert row["person"] == alice.id
    assert row["guild_id"] == standin.world.guild_id
    assert row["channel_id"] == channel.id
    assert row["progress_message_id"] == progress["id"]
    assert row["result_message_id"] == result["id"]
    assert row["seed"] == 7
    assert json.loads(row["request"])["prompt"] == PROMPT
    made = json.loads(row["result"])
    assert made["iterations"] == 60
    assert row["error"] is None
    assert row["created_at"] <= row["started_at"] <= row["ended_at"] <= row["delivered_at"]
    [(_, posted)] = sent.files.values()
    assert (bot.data / "pictures" / row["picture"]).read_bytes() == posted
    picture = Image.open(io.BytesIO(posted))
    assert isinstance(picture, PngImageFile)
    assert picture.size == (made["width"], made["height"])
    assert PROMPT in " ".join(picture.text.values())

    # Only the worker loads torch.
    assert not has_loaded(bot.process.pid, "libtorch")
    [worker] = bot.worker_ids()
    assert has_loaded(worker, "libtorch")

    # Autocomplete offers only one's own prompts.
    assert await standin.complete(alice, channel, "imagine", "prompt", "circle") == [PROMPT]
    assert await standin.complete(bob, channel, "imagine", "prompt", "") == []
    assert "tiny" in await standin.complete(alice, channel, "imagine", "model", "ti")

    # No privileged intent, and no request that Discord would refuse.
    assert not discord.Intents._from_value(standin.gateway.intents).message_content
    assert {request.status for request in standin.rest.requests} <= {200, 204, 429}
