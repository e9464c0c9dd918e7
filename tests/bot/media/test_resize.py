"""Pictures are made small enough to be posted."""

from __future__ import annotations

import io
import random

from PIL import Image

from bot.media.resize import shrink, size_of, thumbnail


def noise(side):
    data = random.Random(0).randbytes(side * side * 3)
    file = io.BytesIO()
    Image.frombytes("RGB", (side, side), data).save(file, "PNG")
    return file.getvalue()


def test_a_picture_that_fits_is_unchanged():
    data = noise(32)
    assert shrink(data, len(data)) == (data, "png")


def test_a_large_picture_loses_quality_before_pixels():
    data = noise(256)
    fitting = shrink(data, len(data) - 1)
    assert fitting is not None
    small, ending = fitting
    assert ending == "webp"
    assert Image.open(io.BytesIO(small)).size == (256, 256)


def test_a_photograph_is_posted_as_jpeg_even_a_very_long_one():
    for size in ((2000, 1500), (20_000, 200)):
        file = io.BytesIO()
        photograph = Image.effect_noise(size, 60).convert("RGB")
        photograph.save(file, "PNG", compress_level=1)
        fitting = shrink(file.getvalue(), file.tell() * 2 // 3)
        assert fitting is not None
        data, ending = fitting
        assert ending == "jpg"
        assert len(data) <= file.tell() * 2 // 3
        assert size_of(data) == size


def test_a_much_too_large_picture_loses_pixels_or_is_given_up():
    data = noise(256)
    fitting = shrink(data, 8000)
    assert fitting is not None
    small, _ = fitting
    assert len(small) <= 8000
    assert Image.open(io.BytesIO(small)).size < (256, 256)
    assert shrink(data, 10) is None


def test_what_is_transparent_becomes_white():
    file = io.BytesIO()
    Image.new("RGBA", (300, 300), (200, 0, 0, 0)).save(file, "PNG")
    with Image.open(io.BytesIO(thumbnail(file.getvalue()))) as small:
        assert min(small.convert("RGB").tobytes()) > 250


def test_thumbnails_keep_their_aspect():
    file = io.BytesIO()
    Image.new("RGB", (1024, 512)).save(file, "PNG")
    assert Image.open(io.BytesIO(thumbnail(file.getvalue()))).size == (256, 128)
