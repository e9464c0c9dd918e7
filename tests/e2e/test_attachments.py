"""Pictures to start from must be pictures from Discord's media hosts, and not too large."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from tests.e2e.jobs import job_id_of, row_of, rows, stored_attachments

pytestmark = pytest.mark.timeout(240)


def png(size=(64, 64)):
    file = io.BytesIO()
    Image.new("RGB", size, "red").save(file, "PNG")
    return file.getvalue()


async def test_a_picture_to_start_from_is_fetched_checked_and_stored(channel, alice, standin, bot):
    world = standin.world

    async def ask(upload):
        asked = await standin.command(
            alice, channel, "imagine", prompt="a fox", iterations=3, init_image=upload
        )
        await bot.until(lambda: asked.content, "the answer")
        return asked.content

    elsewhere = world.upload(channel, "fox.png", png()) | {"url": "https://example.com/fox.png"}
    assert "isn't hosted on Discord" in await ask(elsewhere)
    disguised = world.upload(channel, "fox.png", png())
    disguised["url"] = disguised["url"].replace("127.0.0.1", "cdn.discordapp.com@127.0.0.1")
    assert "isn't hosted on Discord" in await ask(disguised)

    redirected = world.upload(channel, "fox.png", png())
    target = world.upload(channel, "other.png", png())
    standin.redirects[redirected["url"].removeprefix(standin.url)] = target["url"]
    assert "no longer has that picture" in await ask(redirected)
    assert target["url"].removeprefix(standin.url) not in standin.fetched

    # The size in the payload is not trusted.
    large = world.upload(channel, "fox.png", png() + bytes(11_000_000)) | {"size": 100}
    assert "larger than 10 MB" in await ask(large)
    for name, data, why in (
        ("fox.png", b"MZ" + bytes(500), "isn't a picture"),
        ("fox.svg", b"<svg></svg>", "SVG files can't be read"),
        ("fox.png", png()[:-30], "That PNG file is damaged or incomplete"),
    ):
        assert why in await ask(world.upload(channel, name, data))
    assert "megapixels" in await ask(world.upload(channel, "fox.png", png((8000, 8000))))
    assert rows(bot, "SELECT * FROM jobs") == []
    assert stored_attachments(bot) == []

    # A file name from outside is not used as a path.
    named = world.upload(channel, "passwd", png())
    named["filename"] = "../../../etc/passwd"
    assert (await ask(named)).startswith("Queued")
    [result] = await bot.until(lambda: standin.results(channel), "the result")
    row = row_of(bot, job_id_of(result))
    [stored] = stored_attachments(bot)
    assert stored.name in row["request"]
    assert stored.read_bytes() == png()
    assert "from a picture" in result["embeds"][0]["footer"]["text"]
