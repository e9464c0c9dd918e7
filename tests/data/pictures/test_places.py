"""Both places for pictures keep the same promises."""

from __future__ import annotations

import hashlib

import pytest

from data.errors import StoreError
from data.jobs.files import Files
from data.pictures.base import intact
from data.pictures.copying import copy_pictures
from data.pictures.names import attachment_name, picture_name, time_lapse_name
from data.pictures.place import place_for_pictures

ID = "a" * 32


@pytest.fixture(params=["folder", "bucket"])
async def place(request, tmp_path):
    if request.param == "folder":
        Files(tmp_path).make()
        return place_for_pictures(tmp_path, None)
    place = place_for_pictures(tmp_path, request.getfixturevalue("address"))
    await place.open("a database")
    return place


async def names(place, kind):
    return sorted([each.name async for part in place.found(kind) for each in part])


async def test_what_was_written_is_read_and_listed_until_it_is_removed(place):
    name, film = picture_name(ID), time_lapse_name(ID)
    assert await place.read(name) is None
    assert await place.size(name) is None
    await place.write(name, b"first")
    await place.write(name, b"a picture")
    await place.write(film, b"a film")
    await place.write(attachment_name("b" * 64), b"attached")
    assert await place.read(name) == place.read_in_thread(name) == b"a picture"
    assert await place.size(name) == 9
    assert await names(place, "pictures") == sorted([film, name])
    assert await names(place, "attachments") == [attachment_name("b" * 64)]
    await place.remove(name, picture_name("c" * 32))
    assert await names(place, "pictures") == [film]
    assert place.read_in_thread(name) is None


async def test_the_bytes_of_pictures_are_counted(place):
    await place.write(picture_name(ID), bytes(1000))
    await place.write(attachment_name("b" * 64), bytes(7))
    assert await place.used() == 1000
    await place.write(picture_name("c" * 32), bytes(500))
    assert await place.used() == 1500
    assert await place.discard(picture_name(ID)) == 1000
    assert await place.discard(picture_name(ID)) == 0
    assert await place.used() == 500


def test_damaged_bytes_are_taken_for_none_and_logged(caplog):
    right = hashlib.sha256(b"a picture").hexdigest()
    assert intact("x", b"a picture", right) == b"a picture"
    assert intact("x", b"of an older version", None) == b"of an older version"
    assert intact("x", None, right) is None
    assert caplog.records == []
    assert intact("pictures/x.png", b"another", right) is None
    assert "pictures/x.png is damaged" in caplog.text


async def test_everything_is_copied_and_compared(tmp_path, place):
    Files(tmp_path / "old").make()
    old = place_for_pictures(tmp_path / "old", None)
    for number in range(9):
        await old.write(picture_name(f"{number:032x}"), b"%d" % number)
    await old.write(attachment_name("b" * 64), b"attached")
    (tmp_path / "old" / "pictures" / ".half.part").write_bytes(b"being written")
    await place.write(picture_name(f"{7:032x}"), b"damaged")
    await place.write(picture_name(f"{8:032x}"), b"8")
    first = await copy_pictures(old, place)
    assert (first["pictures"].files, first["pictures"].written) == (9, 8)
    assert (first["attachments"].files, first["attachments"].bytes) == (1, 8)
    assert await place.read(picture_name(f"{7:032x}")) == b"7"
    second = await copy_pictures(old, place)
    assert second["pictures"].written == 0
    assert second["pictures"].hash == first["pictures"].hash
    # What the hash is of: it differs if one byte of one file does.
    await old.write(picture_name(f"{7:032x}"), b"8")
    assert (await copy_pictures(old, place))["pictures"].hash != first["pictures"].hash


async def test_a_copy_that_differs_is_an_error(tmp_path, place, monkeypatch):
    Files(tmp_path / "old").make()
    old = place_for_pictures(tmp_path / "old", None)
    await old.write(picture_name(ID), b"a picture")

    async def lose(name, data):
        pass

    monkeypatch.setattr(place, "write", lose)
    with pytest.raises(StoreError, match="differs after it was copied"):
        await copy_pictures(old, place)
