"""Pictures from users: downloaded only from Discord's media hosts, up to a size limit.

They are stored under their SHA-256, which requests refer to. Nothing about a link is trusted: not
its host, the length it claims, nor its file name.
"""

from __future__ import annotations

import asyncio
from typing import Literal

import aiohttp
import yarl

from bot.errors import AttachmentError
from bot.host.settings import LimitSettings, TestSettings
from bot.language import _, mark
from bot.language.formatting import escape
from bot.requests.picture import Picture, picture_from_bytes
from engine.errors import RequestError
from engine.pictures.reading import read

# Discord's hosts for uploads, and its proxy for embeds (images-ext-*).
MEDIA_HOSTS = frozenset(
    {
        "cdn.discordapp.com",
        "media.discordapp.net",
        "images-ext-1.discordapp.net",
        "images-ext-2.discordapp.net",
    }
)
What = Literal["picture", "file"]
_GONE: dict[What, str] = {
    "picture": mark("Discord no longer has that picture. Attach it again."),
    "file": mark("Discord no longer has that file. Attach it again."),
}
_LARGE: dict[What, str] = {
    "picture": mark("That picture is larger than {limit}. Attach a smaller one."),
    "file": mark("That file is larger than {limit}. Attach a smaller one."),
}
_FAILED: dict[What, str] = {
    "picture": mark("I couldn't download that picture from Discord. Try again in a minute."),
    "file": mark("I couldn't download that file from Discord. Try again in a minute."),
}
_TIMEOUT = aiohttp.ClientTimeout(total=60, sock_connect=10, sock_read=20)


def check_address(address: str, extra_host: str | None = None) -> yarl.URL:
    """Return the address if it is on a media host of Discord; raises AttachmentError if not.

    ``extra_host`` ("127.0.0.1:8080") is for tests; only it may use plain HTTP.
    """
    refusal = AttachmentError(_("That file isn't hosted on Discord; attach it to the command."))
    try:
        url = yarl.URL(address)
        host, port = url.host, url.port
    except ValueError:
        raise refusal from None
    if url.user is not None or url.password is not None:
        raise refusal
    if extra_host is not None and url.scheme == "http" and f"{host}:{port}" == extra_host:
        return url
    if url.scheme != "https" or host not in MEDIA_HOSTS or port != 443:
        raise refusal
    return url


class Attachments:
    """Downloads and checks what users attach.

    ``limits`` bound the size of pictures; the media host in ``test`` is read at each call.
    """

    def __init__(
        self, session: aiohttp.ClientSession, limits: LimitSettings, test: TestSettings
    ) -> None:
        self._session = session
        self._limits = limits
        self._test = test
        self._decoding = asyncio.Lock()

    def check(self, address: str) -> None:
        """Raise AttachmentError unless ``address`` is on a media host of Discord."""
        check_address(address, self._test.media_host)

    async def picture(self, address: str, name: str | None = None) -> Picture:
        """Return the picture at ``address``. Raises AttachmentError like :meth:`file`.

        Raises RequestError if the file is not a picture that can be read, from the first pixel to
        the last: otherwise the person would wait in the queue for a refusal. That error begins
        with ``name``, which tells one of several files.
        """
        data = await self._fetch(
            address, int(self._limits.max_attachment_mb * 1_000_000), "picture"
        )
        # One at a time, so that a few large pictures do not take up all threads of the process.
        async with self._decoding:
            try:
                return await asyncio.to_thread(picture_from, data)
            except RequestError as error:
                if name is None:
                    raise
                raise RequestError(
                    "{name}: {reason}", name=escape(name, 100), reason=error.message
                ) from None

    async def file(self, address: str, max_bytes: int) -> bytes:
        """Return the bytes of any file at ``address``.

        Raises AttachmentError if the address is on another host, the file is larger than
        ``max_bytes``, or the download fails.
        """
        return await self._fetch(address, max_bytes, "file")

    async def _fetch(self, address: str, max_bytes: int, what: What) -> bytes:
        """Download ``address``, called ``what`` in errors; redirects are not followed."""
        url = check_address(address, self._test.media_host)
        limit = f"{max_bytes / 1_000_000:g} MB"
        chunks, length = [], 0
        try:
            async with self._session.get(url, allow_redirects=False, timeout=_TIMEOUT) as response:
                if response.status != 200:
                    raise AttachmentError(_(_GONE[what]))
                # Stop at the limit, whatever length the header claims.
                async for chunk in response.content.iter_chunked(65536):
                    length += len(chunk)
                    if length > max_bytes:
                        raise AttachmentError(_(_LARGE[what], limit=limit))
                    chunks.append(chunk)
        except (aiohttp.ClientError, TimeoutError):
            raise AttachmentError(_(_FAILED[what])) from None
        return b"".join(chunks)


def picture_from(data: bytes) -> Picture:
    """Return the picture in ``data``, whatever its name was. Decoding it can take seconds.

    Raises RequestError if it is damaged, has too many pixels, or is no picture that can be read.
    """
    read(data)
    return picture_from_bytes(data)
