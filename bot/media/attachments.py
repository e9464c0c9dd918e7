"""Pictures from people: fetched from Discord's own media hosts alone, by size limit.

The bytes are kept under their SHA-256; a request carries the hash. What stands in a link is
never trusted: not its host, nor its length, nor its file's name.
"""

from __future__ import annotations

import asyncio
import io
import struct
import zlib
from typing import Literal

import aiohttp
import yarl
from PIL import Image, WebPImagePlugin

from bot.errors import AttachmentError
from bot.host.settings import LimitSettings, TestSettings
from bot.language import _, mark
from bot.requests.picture import Picture, hashed

# Where Discord keeps what people upload; embeds go through its proxy, images-ext-*.
MEDIA_HOSTS = frozenset({"cdn.discordapp.com", "media.discordapp.net",
                         "images-ext-1.discordapp.net", "images-ext-2.discordapp.net"})
MAX_PIXELS = 50_000_000
# As the engine reads; Pillow knows WebP by name only once its plugin is imported.
FORMATS = ("PNG", "JPEG", WebPImagePlugin.WebPImageFile.format, "GIF", "BMP")
# What Pillow's plugins let slip on broken files.
_BROKEN = (OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, OverflowError,
           AttributeError, struct.error, zlib.error)
What = Literal["picture", "file"]
_GONE: dict[What, str] = {
    "picture": mark("Discord no longer has that picture. Attach it again."),
    "file": mark("Discord no longer has that file. Attach it again.")}
_LARGE: dict[What, str] = {
    "picture": mark("That picture is larger than {limit}. Attach a smaller one."),
    "file": mark("That file is larger than {limit}. Attach a smaller one.")}
_FAILED: dict[What, str] = {
    "picture": mark("I couldn't download that picture from Discord. Try again in a minute."),
    "file": mark("I couldn't download that file from Discord. Try again in a minute.")}
_TIMEOUT = aiohttp.ClientTimeout(total=60, sock_connect=10, sock_read=20)


def check_address(address: str, extra_host: str | None = None) -> yarl.URL:
    """The address, if it lies at a media host of Discord's; raises AttachmentError if not.

    ``extra_host`` ("127.0.0.1:8080") is for tests; it is the one that may speak plain HTTP.
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
    """Fetches what people attached, and checks that it is what they should attach.

    Pictures may have as many bytes as ``limits`` say. Of ``test`` the media host is read at each
    call.
    """

    def __init__(self, session: aiohttp.ClientSession, limits: LimitSettings,
                 test: TestSettings) -> None:
        self._session = session
        self._limits = limits
        self._test = test

    def check(self, address: str) -> None:
        """Raise AttachmentError unless ``address`` is at a media host of Discord's."""
        check_address(address, self._test.media_host)

    async def picture(self, address: str) -> Picture:
        """The picture at ``address``. Raises AttachmentError as :meth:`file` does.

        Also where the file is not a picture, or has too many pixels.
        """
        data = await self._fetch(address, int(self._limits.max_attachment_mb * 1_000_000),
                                 "picture")
        return await asyncio.to_thread(_checked, data)

    async def file(self, address: str, max_bytes: int) -> bytes:
        """The bytes of any file at ``address``.

        Raises AttachmentError where the address is another host's, the file is larger than
        ``max_bytes``, or it cannot be fetched.
        """
        return await self._fetch(address, max_bytes, "file")

    async def _fetch(self, address: str, max_bytes: int, what: What) -> bytes:
        """What is at ``address``, called ``what`` in errors; redirects are not followed."""
        url = check_address(address, self._test.media_host)
        limit = f"{max_bytes / 1_000_000:g} MB"
        chunks, length = [], 0
        try:
            async with self._session.get(url, allow_redirects=False, timeout=_TIMEOUT) as response:
                if response.status != 200:
                    raise AttachmentError(_(_GONE[what]))
                # Read to the limit whatever the header claims.
                async for chunk in response.content.iter_chunked(65536):
                    length += len(chunk)
                    if length > max_bytes:
                        raise AttachmentError(_(_LARGE[what], limit=limit))
                    chunks.append(chunk)
        except (aiohttp.ClientError, TimeoutError):
            raise AttachmentError(_(_FAILED[what])) from None
        return b"".join(chunks)


def _checked(data: bytes) -> Picture:
    check_picture(data)
    return hashed(data)


def check_picture(data: bytes) -> None:
    """Raise AttachmentError unless ``data`` is a picture by what it holds, not by its name.

    The header alone is read here; pixels are decoded in the worker's process.
    """
    too_many = AttachmentError(_("That picture has more than {most} megapixels. Attach a smaller "
                                 "one.",
                                 most=MAX_PIXELS // 1_000_000))
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            width, height = image.size
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise too_many from None
    except _BROKEN:
        raise AttachmentError(_("I can't read that file as a picture. Attach a PNG, JPEG, WebP or "
                                "GIF.")) from None
    if width * height > MAX_PIXELS:
        raise too_many
