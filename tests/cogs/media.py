"""Discord's media host for SimCord: the virtual Discord's files, served over loopback."""

from __future__ import annotations

import hashlib
import io
from typing import Any

from aiohttp import web
from PIL import Image, ImageDraw

from tests.cogs.cards import said


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
        response.force_close()  # SimCord waits until connections are closed
        return response

    def forget(self, message) -> None:
        """Remove a message's files, as if its links had expired."""
        for attachment in message.attachments:
            del self.backend.cdn._blobs[attachment.url]


def sha256(data):
    """Return the name that a picture has in a request."""
    return hashlib.sha256(data).hexdigest()


def png(colour="red", size=(64, 32), kind="PNG", mode="RGB"):
    """Return a picture file of one colour."""
    file = io.BytesIO()
    Image.new(mode, size, colour).save(file, kind)
    return file.getvalue()


def white_disc(size=(64, 32)):
    """Return a mask as an editor exports it: a white disc on a transparent layer."""
    image = Image.new("RGBA", size)
    ImageDraw.Draw(image).ellipse((8, 4, 40, 28), fill="white")
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


async def answered(world, result):
    """Return an interaction's answer, which comes once the bot has fetched its files."""
    return await world.until(lambda: said(result), "the answer")


async def ask(world, here, prompt, **options):
    """Return the answer to Alice's /imagine."""
    result = await here.alice.slash(here.channel, "imagine", prompt=prompt, **options)
    return await answered(world, result)
