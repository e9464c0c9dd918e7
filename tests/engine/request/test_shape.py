"""Of a size and an aspect the last one given wins, wherever they come from."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import RequestError
from engine.request.from_text import request_from_text
from engine.request.request import make_request, request_from_json

SIDE = st.integers(16, 2048)


def shape(request):
    return request.width, request.height, request.aspect, request.pixels


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("a fox --ar 2:1", {}, (None, None, 2, None)),
        ("a fox --size 64x32", {}, (64, 32, None, None)),
        ("a fox --size 64x32 --ar 1:2", {}, (None, None, 0.5, 2048)),
        ("a fox --ar 1:2 --size 64x32", {}, (64, 32, None, None)),
        # A slash option, or the picture that Remix starts from.
        ("a fox --ar 1:2", {"width": 64, "height": 32}, (None, None, 0.5, 2048)),
        ("a fox --ar 1:2", {"width": 64, "height": None}, (64, None, 0.5, None)),
        ("a fox --size 64", {"aspect": 0.5, "pixels": 2048}, (64, 64, None, None)),
        ("a fox --ar 3:1", {"aspect": 0.5, "pixels": 2048}, (None, None, 3, 2048)),
        ("a fox", {"aspect": 0.5, "pixels": 2048}, (None, None, 0.5, 2048)),
        ("a fox --size 2000 --ar 1:8", {}, (None, None, 0.125, 4_000_000)),
    ],
)
def test_the_last_one_wins(text, values, expected):
    assert shape(request_from_text(text, **values)) == expected


@given(SIDE, SIDE, st.floats(0.125, 8))
def test_a_request_never_has_a_size_next_to_an_aspect(width, height, aspect):
    request = make_request("a fox", width=width, height=height, aspect=aspect)
    assert shape(request) == (None, None, aspect, width * height)
    assert request_from_json(request.model_dump_json()) == request
    sized = request.changed(width=width, height=height)
    assert shape(sized) == (width, height, None, None)
    assert shape(sized.changed(aspect=aspect)) == (None, None, aspect, width * height)


def test_an_old_stored_request_keeps_the_size_with_which_it_was_painted():
    stored = json.dumps({"prompt": "a fox", "width": 64, "height": 32, "aspect": 1.0})
    assert shape(request_from_json(stored)) == (64, 32, None, None)


def test_wrong_values_are_still_named():
    with pytest.raises(RequestError, match="width must be a whole number"):
        make_request("a fox", width="wide", height=32, aspect=1.0)
    with pytest.raises(RequestError, match="width must be between 16"):
        make_request("a fox", width=1, height=1, aspect=1.0)
    with pytest.raises(RequestError, match="leave it out"):
        make_request("a fox", width=32, pixels=1024)
