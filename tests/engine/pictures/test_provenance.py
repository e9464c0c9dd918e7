"""What a picture's file says is read with care: it may say anything."""

from __future__ import annotations

import contextlib
import json
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from engine.errors import RequestError
from engine.pictures.provenance import Made, differences, read_made
from engine.pictures.writing import PROVENANCE, REQUEST, picture_texts, png_bytes
from engine.request.request import make_request

PIXELS = Image.new("RGB", (4, 4), "red")
FACTS: dict[str, str | int] = {
    "seed": 7,
    "random": "philox",
    "model": "tiny",
    "job": "a" * 32,
    "stopped_at": 3,
}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


def png(**texts):
    names = {"request": REQUEST, "facts": PROVENANCE}
    return png_bytes(PIXELS, {names[name]: text for name, text in texts.items()})


def test_what_is_written_is_read():
    request = make_request("a red fox + sea:0.5", seed=7, iterations=9, like=None)
    made = read_made(png_bytes(PIXELS, picture_texts(request, FACTS)))
    assert made == Made(request, FACTS)
    assert (made.seed, made.job, made.stopped_at) == (7, "a" * 32, 3)


def test_other_pictures_say_nothing():
    assert read_made(png_bytes(PIXELS)) is None
    assert read_made(b"") is None
    assert read_made(b"\xff\xd8\xff" + b"x" * 100) is None
    assert read_made(png(facts=json.dumps(FACTS))) is None


@pytest.mark.parametrize(
    "request_",
    [
        "",
        "null",
        "{}",
        '{"prompt": "a fox", "iterations": 1e9}',
        '{"prompt": "a fox", "owner": "me"}',
        '{"prompt": "a fox", "init_image": "../../etc/passwd"}',
        '{"prompt": "a fox", "seed": -1}',
        "[" * 90_000,
        '{"prompt": "' + "a" * 200_000 + '"}',
    ],
)
def test_a_request_that_nobody_could_type_is_refused(request_):
    with pytest.raises(RequestError, match="says about itself"):
        read_made(png(request=request_))


@given(st.dictionaries(st.sampled_from(sorted(FACTS)) | st.text(), ANYTHING) | ANYTHING)
def test_facts_are_short_texts_and_whole_numbers_whatever_a_file_says(value):
    made = read_made(png(request='{"prompt": "a fox"}', facts=json.dumps(value)))
    assert made is not None
    assert all(type(fact) in (str, int) for fact in made.facts.values())
    assert made.job is None or len(made.job) == 32
    assert made.stopped_at is None or made.stopped_at >= 0
    assert not differences(made.facts, made.facts)


@given(st.dictionaries(st.sampled_from(["prompt", "seed", "model", "like", "count"]), ANYTHING))
def test_a_request_is_refused_or_valid_whatever_a_file_says(values):
    with contextlib.suppress(RequestError):
        made = read_made(png(request=json.dumps(values)))
        assert made is not None
        assert made.request.prompts() is not None


@given(st.integers(0, 400), st.binary(max_size=6))
def test_a_damaged_file_is_refused_or_read(at, other):
    data = png(request='{"prompt": "a fox"}', facts=json.dumps(FACTS))
    try:
        made = read_made(data[:at] + other + data[at + len(other) :])
    except RequestError:
        return
    assert made is None or made.request.prompt


def test_a_text_that_grows_when_unpacked_is_refused():
    """A small file with a compressed text of 100 MB."""
    text = zlib.compress(b" " * 100_000_000, 9)
    chunk = b"zTXt" + REQUEST.encode() + b"\0\0" + text
    packed = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    plain = png_bytes(PIXELS)
    with pytest.raises(RequestError):
        read_made(plain[:33] + packed + plain[33:])


def test_only_what_bits_depend_on_counts_as_a_difference():
    now = {**FACTS, "random": "dice", "seed": 8, "torch": "2", "threads": 2}
    assert differences({**FACTS, "threads": "2"}, now) == {"random": ("philox", "dice")}
