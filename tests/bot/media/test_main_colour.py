"""The main colour of a picture: its largest colourful area, not its grey background."""

from __future__ import annotations

import io

import pytest
from PIL import Image, ImageDraw

from bot.media.main_colour import main_colour


def picture(ground, *boxes, size=(256, 128), mode="RGB"):
    image = Image.new(mode, size, ground)
    for colour, box in boxes:
        ImageDraw.Draw(image).rectangle(box, colour)
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


FOX = ((200, 60, 20), (90, 30, 170, 110))


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (picture((200, 60, 20)), (200, 60, 20)),
        (picture((235, 235, 240), FOX), FOX[0]),  # a red fox in the snow
        (picture((20, 20, 22), FOX), FOX[0]),  # and at night
        (picture((20, 80, 200), FOX), (20, 80, 200)),  # before a blue sky, which is larger
        (picture((120, 120, 120)), (120, 120, 120)),
        (picture((0, 0, 0, 0), mode="RGBA"), (255, 255, 255)),  # as Discord shows it
        (picture((200, 60, 20), size=(1, 1)), (200, 60, 20)),
    ],
)
def test_the_largest_colourful_area_counts(data, wanted):
    found = main_colour(data, 0)
    near = [found >> 16, found >> 8 & 255, found & 255]
    assert max(abs(a - b) for a, b in zip(near, wanted, strict=True)) <= 6


def test_black_is_not_the_number_that_means_no_colour():
    assert main_colour(picture((0, 0, 0)), 0) == 1


@pytest.mark.parametrize("data", [None, b"", b"no picture", picture((1, 2, 3))[:60]])
def test_a_file_that_cannot_be_read_has_the_usual_colour(data):
    assert main_colour(data, 0x2ECC71) == 0x2ECC71
