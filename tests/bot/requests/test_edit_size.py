"""A person is told before an edit is queued if it has another size than the picture."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from bot.requests.asking import Asking
from bot.requests.edit_size import size_note
from bot.requests.picture import picture_from_bytes
from engine.request.request import make_request
from tests.bot.requests.origins import origin


def note(size, data=None, **values):
    file = io.BytesIO()
    Image.new("RGB", size).save(file, "PNG")
    picture = picture_from_bytes(file.getvalue() if data is None else data)
    request = make_request("a fox", init_image=picture.sha256, **values)
    return size_note(Asking(origin(), request, [picture]), request)


@pytest.mark.parametrize(
    ("size", "values"),
    [
        ((400, 300), {}),
        ((3, 900), {}),
        ((400, 300), {"width": 400, "height": 300}),
        ((400, 300), {"aspect": 4 / 3}),
        ((400, 300), {"pixels": 4096}),
        ((6000, 5000), {"strength": 0}),
    ],
)
def test_nothing_is_said_of_an_edit_of_the_same_size(size, values):
    assert note(size, **values) is None


@pytest.mark.parametrize(
    ("size", "values", "part"),
    [
        ((400, 300), {"width": 200}, "have 200x150 pixels instead of 400x300"),
        ((400, 300), {"width": 200, "height": 150}, "have 200x150 pixels instead"),
        ((400, 300), {"aspect": 1.0}, "show the middle of the picture, with 300x300 pixels"),
        ((400, 300), {"width": 64, "height": 64}, "middle of the picture, with 64x64 pixels"),
        ((400, 300), {"height": 64, "aspect": 0.5}, "middle of the picture, with 32x64 pixels"),
        ((6000, 5000), {}, "have 5477x4564 pixels instead of 6000x5000"),
    ],
)
def test_another_size_or_shape_is_told(size, values, part):
    assert part in note(size, **values)


def test_a_photograph_that_was_taken_sideways_has_the_size_that_people_see():
    file = io.BytesIO()
    exif = Image.Exif()
    exif[274] = 6
    Image.new("RGB", (400, 300)).save(file, "JPEG", exif=exif)
    assert note((1, 1), file.getvalue(), aspect=0.75) is None
    assert "400x400" not in note((1, 1), file.getvalue(), aspect=1.0)
    assert "instead of 300x400" in note((1, 1), file.getvalue(), aspect=1.0)


def test_a_picture_that_cannot_be_read_is_left_to_the_worker():
    assert note((1, 1), b"no picture", aspect=1.0) is None
