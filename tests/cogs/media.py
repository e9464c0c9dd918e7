"""Discord's media host for SimCord: the virtual Discord's files, served over loopback."""

from __future__ import annotations

import hashlib
import io
from typing import Any

from aiohttp import web
from PIL import Image


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


def sha256(data):
    """As a request names a picture."""
    return hashlib.sha256(data).hexdigest()


def png(colour="red", size=(64, 32), kind="PNG", mode="RGB"):
    """A picture file of one colour."""
    file = io.BytesIO()
    Image.new(mode, size, colour).save(file, kind)
    return file.getvalue()


async def answered(world, result):
    """What an interaction was answered at last, when the bot has waited for its sockets."""
    return await world.until(lambda: result.response is not None and result.response.content,
                             "the answer")
