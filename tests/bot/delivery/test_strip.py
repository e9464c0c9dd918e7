"""The strip of previews: few, in order, spread over the whole painting."""

from __future__ import annotations

import io
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from bot.delivery.strip import CELLS, Previews


def file(value, size=(16, 16), kind="JPEG"):
    made = io.BytesIO()
    Image.new("L", size, value).convert("RGB").save(made, kind)
    return made.getvalue()


def taken(number, each=1):
    """Previews after every ``each``-th iteration, each lighter than the one before."""
    previews = Previews()
    for i in range(number):
        previews.add(i * each, file(round(200 * i / max(1, number - 1))))
    return previews


def cells(strip):
    image = Image.open(io.BytesIO(strip.data)).convert("L")
    return [image.getpixel((48 + 100 * i, 48)) for i in range((image.width + 4) // 100)]


@pytest.mark.parametrize("number", [2, 3, 5, 6, 24, 25, 100, 333])
def test_the_previews_are_spread_from_the_first_to_nearly_the_last(number):
    strip = taken(number).strip(file(255, kind="PNG"), number)
    shown = cells(strip)
    assert len(shown) == min(CELLS, number + 1)
    *earlier, last = shown
    assert earlier == sorted(earlier)
    assert earlier[0] <= 3
    assert earlier[-1] >= 170
    assert last >= 250  # the finished picture
    steps = [after - before for before, after in itertools.pairwise(earlier)]
    assert max(steps) <= 2 * min(steps) + 4
    assert strip.alt.startswith("How it came about: after 0, ")
    assert strip.alt.endswith(f"and {number} iterations")


@pytest.mark.parametrize("number", [0, 1])
def test_one_preview_makes_no_strip(number):
    assert taken(number).strip(file(255), 9) is None


@given(st.integers(1, 3000))
def test_few_are_kept_however_many_come(number):
    previews = Previews()
    for i in range(number):
        previews.add(i, b"preview")
        previews.add(i, b"")  # none, as where previews are turned off
    assert len(previews._kept) < 4 * CELLS


def test_a_wide_picture_keeps_its_shape_and_a_very_wide_one_stays_small():
    for size, width in (((64, 32), 192), ((640, 32), 192), ((32, 64), 48)):
        previews = Previews()
        for i in range(6):
            previews.add(i, file(99, size))
        strip = previews.strip(file(99, size), 6)
        assert strip is not None
        image = Image.open(io.BytesIO(strip.data))
        assert image.size == (6 * width + 5 * 4, 96)
