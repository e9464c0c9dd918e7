"""Which addresses a picture may be fetched from."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from bot.errors import AttachmentError
from bot.media.attachments import check_address, check_picture


@pytest.mark.parametrize("address", [
    "https://cdn.discordapp.com/attachments/1/2/fox.png?ex=1&is=2&hm=3",
    "https://cdn.discordapp.com/ephemeral-attachments/1/2/fox.png",
    "https://media.discordapp.net/attachments/1/2/fox.png",
    "https://images-ext-1.discordapp.net/external/abc/https/example.com/fox.png",
])
def test_discord_s_media_hosts_are_taken(address):
    assert str(check_address(address)) == address


@pytest.mark.parametrize("address", [
    "http://cdn.discordapp.com/attachments/1/2/fox.png",
    "https://cdn.discordapp.com:8443/attachments/1/2/fox.png",
    "https://cdn.discordapp.com.evil.example/fox.png",
    "https://evil.example/cdn.discordapp.com/fox.png",
    "https://cdn.discordapp.com@evil.example/fox.png",
    "https://user:pass@cdn.discordapp.com/fox.png",
    "https://cdn.discordapp.com\\@evil.example/fox.png",
    "https://127.0.0.1/fox.png", "https://[::1]/fox.png", "https://169.254.169.254/latest",
    "http://127.0.0.1:8080/fox.png", "file:///etc/passwd", "ftp://cdn.discordapp.com/x",
    "//cdn.discordapp.com/fox.png", "fox.png", "", "https://", "https://[broken/fox.png",
    "https://cdn.discordapp.com:notaport/x",
])
def test_every_other_address_is_refused(address):
    with pytest.raises(AttachmentError, match="isn't hosted on Discord"):
        check_address(address)


def test_the_test_host_is_for_that_host_alone():
    assert check_address("http://127.0.0.1:8080/fox.png", "127.0.0.1:8080")
    for address in ("http://127.0.0.1:8081/fox.png", "https://127.0.0.1:8080/fox.png",
                    "http://u:p@127.0.0.1:8080/fox.png"):
        with pytest.raises(AttachmentError):
            check_address(address, "127.0.0.1:8080")


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
def test_pictures_are_known_by_what_they_hold(form):
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, form)
    check_picture(file.getvalue())


@pytest.mark.parametrize("data", [b"", b"MZ" + bytes(99), b"<svg/>", b"%PDF-1.4", b"\x89PNG\r\n",
                                  b"GIF89a", b"RIFF\0\0\0\0WEBP", b"BM" + bytes(40)])
def test_what_is_no_picture_is_refused(data):
    with pytest.raises(AttachmentError, match="can't read that file as a picture"):
        check_picture(data)
