"""Discord's media host for SimCord: the virtual Discord's files, served over loopback."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import simcord.backend.cdn
from aiohttp import web
from PIL import Image

from bot.client import ImageBot


class MediaHost:
    """Serves what was uploaded; ``backend`` is the virtual Discord's."""

    def __init__(self) -> None:
        self.backend: Any = None
        self.address = ""
        self.fetched: list[str] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.fetched.append(request.path)
        data = self.backend.cdn.get(f"http://{self.address}{request.path}")
        response = web.Response(status=404) if data is None else web.Response(body=data)
        response.force_close()  # SimCord would wait until a connection is kept no longer
        return response

    def forget(self, message) -> None:
        """A message's files are gone, as its links' time runs out."""
        for attachment in message.attachments:
            del self.backend.cdn._blobs[attachment.url]


@asynccontextmanager
async def serving(monkeypatch) -> AsyncIterator[MediaHost]:
    """A media host that uploads get their links from, until the end of the block."""
    host = MediaHost()
    application = web.Application()
    application.router.add_get("/{tail:.*}", host.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host.address = f"127.0.0.1:{runner.addresses[0][1]}"
    monkeypatch.setattr(simcord.backend.cdn, "CDN_BASE", f"http://{host.address}")
    yield host
    await runner.cleanup()


def wait_for_it(monkeypatch, world) -> None:
    """SimCord is told that fetching waits for sockets, which it cannot see."""
    fetch = ImageBot.fetch_address

    async def fetch_address(self, address):
        return await world.env.external_wait(fetch(self, address), reason="the media host")

    monkeypatch.setattr(ImageBot, "fetch_address", fetch_address)


def png(colour="red", size=(64, 32), kind="PNG", mode="RGB"):
    """A picture file of one colour."""
    file = io.BytesIO()
    Image.new(mode, size, colour).save(file, kind)
    return file.getvalue()


async def answered(world, result):
    """What an interaction was answered at last, when the bot has waited for its sockets."""
    return await world.until(lambda: result.response is not None and result.response.content,
                             "the answer")
