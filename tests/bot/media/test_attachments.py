"""Which addresses a picture may be fetched from, and which files are pictures."""

from __future__ import annotations

import asyncio
import hashlib
import io
import threading
import time
from types import SimpleNamespace

import aiohttp
import pytest
from aiohttp import web
from PIL import Image

from bot.errors import AttachmentError
from bot.host.settings import LimitSettings, TestSettings
from bot.media.attachments import Attachments, check_address, picture_from
from engine.errors import RequestError
from engine.pictures.decoding import MAX_PIXELS
from engine.pictures.formats import PILLOW_FORMATS
from engine.pictures.reading import read
from tests.engine.pictures.encoding import encoded, noise


@pytest.mark.parametrize(
    "address",
    [
        "https://cdn.discordapp.com/attachments/1/2/fox.png?ex=1&is=2&hm=3",
        "https://cdn.discordapp.com/ephemeral-attachments/1/2/fox.png",
        "https://media.discordapp.net/attachments/1/2/fox.png",
        "https://images-ext-1.discordapp.net/external/abc/https/example.com/fox.png",
    ],
)
def test_discord_s_media_hosts_are_accepted(address):
    assert str(check_address(address)) == address


@pytest.mark.parametrize(
    "address",
    [
        "http://cdn.discordapp.com/attachments/1/2/fox.png",
        "https://cdn.discordapp.com:8443/attachments/1/2/fox.png",
        "https://cdn.discordapp.com.evil.example/fox.png",
        "https://evil.example/cdn.discordapp.com/fox.png",
        "https://cdn.discordapp.com@evil.example/fox.png",
        "https://user:pass@cdn.discordapp.com/fox.png",
        "https://cdn.discordapp.com\\@evil.example/fox.png",
        "https://127.0.0.1/fox.png",
        "https://[::1]/fox.png",
        "https://169.254.169.254/latest",
        "http://127.0.0.1:8080/fox.png",
        "file:///etc/passwd",
        "ftp://cdn.discordapp.com/x",
        "//cdn.discordapp.com/fox.png",
        "fox.png",
        "",
        "https://",
        "https://[broken/fox.png",
        "https://cdn.discordapp.com:notaport/x",
    ],
)
def test_every_other_address_is_refused(address):
    with pytest.raises(AttachmentError, match="isn't hosted on Discord"):
        check_address(address)


def test_the_test_host_allows_only_that_host():
    assert check_address("http://127.0.0.1:8080/fox.png", "127.0.0.1:8080")
    for address in (
        "http://127.0.0.1:8081/fox.png",
        "https://127.0.0.1:8080/fox.png",
        "http://u:p@127.0.0.1:8080/fox.png",
    ):
        with pytest.raises(AttachmentError):
            check_address(address, "127.0.0.1:8080")


@pytest.mark.parametrize("form", PILLOW_FORMATS)
def test_pictures_are_recognised_by_their_content(form):
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, form)
    picture = picture_from(file.getvalue())
    assert picture.data == file.getvalue()
    assert picture.sha256 == hashlib.sha256(picture.data).hexdigest()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "empty"),
        (b"MZ" + bytes(99), "isn't a picture"),
        (b"<svg/>", "SVG files can't be read"),
        (b"\x89PNG\r\n", "isn't a picture"),
        (b"GIF89a", "That GIF file is damaged"),
        (b"RIFF\0\0\0\0WEBP", "That WebP file is damaged"),
    ],
)
def test_files_that_are_not_pictures_are_refused(data, why):
    with pytest.raises(RequestError, match=why):
        picture_from(data)


@pytest.mark.parametrize("form", PILLOW_FORMATS)
def test_a_picture_whose_end_is_missing_is_refused(form):
    data = encoded(noise(), form)
    with pytest.raises(RequestError, match="damaged or incomplete"):
        picture_from(data[: len(data) * 3 // 4])


def test_a_picture_with_too_many_pixels_is_refused():
    with pytest.raises(RequestError, match="50 megapixels"):
        picture_from(encoded(Image.new("1", (MAX_PIXELS // 1000 + 1, 1000))))


@pytest.fixture
async def attachments(tmp_path):
    """The fetcher, and a media host on loopback that it accepts as Discord's."""
    pages = {"/large": (200, bytes(1001)), "/gone": (404, b""), "/file": (200, b"any bytes")}
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG")
    pages["/fox.png"] = (200, file.getvalue())

    async def answer(request):
        if request.path == "/moved":
            raise web.HTTPFound("/fox.png")
        if request.path == "/broken":
            request.transport.abort()
        status, body = pages[request.path]
        return web.Response(status=status, body=body)

    application = web.Application()
    application.router.add_get("/{tail:.*}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host = f"127.0.0.1:{runner.addresses[0][1]}"
    async with aiohttp.ClientSession() as session:
        fetcher = Attachments(
            session, LimitSettings(max_attachment_mb=0.001), TestSettings(media_host=host)
        )
        yield SimpleNamespace(fetcher=fetcher, url=f"http://{host}", picture=file.getvalue())
    await runner.cleanup()


async def test_a_picture_is_fetched_completely(attachments):
    picture = await attachments.fetcher.picture(f"{attachments.url}/fox.png")
    assert picture == picture_from(attachments.picture)
    assert await attachments.fetcher.file(f"{attachments.url}/file", 9) == b"any bytes"


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/gone", "no longer has that picture"),
        ("/moved", "no longer has that picture"),
        ("/large", "larger than 0.001 MB"),
        ("/broken", "couldn't download that picture"),
        ("/file", "isn't a picture"),
    ],
)
async def test_unusable_files_are_refused_with_the_reason(attachments, path, why):
    with pytest.raises((AttachmentError, RequestError), match=why):
        await attachments.fetcher.picture(f"{attachments.url}{path}")


async def test_pictures_are_decoded_in_a_thread_one_at_a_time(attachments, monkeypatch):
    decoding, most, threads = 0, 0, set()

    def count(data):
        nonlocal decoding, most
        decoding += 1
        most = max(most, decoding)
        threads.add(threading.current_thread())
        time.sleep(0.02)
        decoding -= 1
        return read(data)

    monkeypatch.setattr("bot.media.attachments.read", count)
    address = f"{attachments.url}/fox.png"
    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(attachments.fetcher.picture(address))
    assert most == 1
    assert threading.current_thread() not in threads


async def test_other_files_have_their_own_limit_and_messages(attachments):
    with pytest.raises(AttachmentError, match="That file is larger"):
        await attachments.fetcher.file(f"{attachments.url}/file", 8)
    with pytest.raises(AttachmentError, match="no longer has that file"):
        await attachments.fetcher.file(f"{attachments.url}/gone", 8)


async def test_nothing_is_fetched_from_other_hosts(attachments):
    for fetched in (
        attachments.fetcher.picture("https://example.com/fox.png"),
        attachments.fetcher.file("https://example.com/fox.json", 99),
    ):
        with pytest.raises(AttachmentError, match="isn't hosted on Discord"):
            await fetched
    attachments.fetcher.check(f"{attachments.url}/fox.png")
    with pytest.raises(AttachmentError, match="isn't hosted on Discord"):
        attachments.fetcher.check("https://example.com/fox.png")
