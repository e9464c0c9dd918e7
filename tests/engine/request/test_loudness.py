"""The loudness of WAV files, and stories that follow it."""

from __future__ import annotations

import io
import struct
import wave
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import RequestError
from engine.pictures.given import sound_of
from engine.request.limits import MAX_LOUDNESS
from engine.request.loudness import MAX_SOUND_BYTES, read_loudness
from engine.request.request import make_request, request_from_json
from engine.request.story import Story


def wav(samples, width=2, channels=1):
    """A WAV file of samples in -1..1, [N] or [N, channels]."""
    whole = np.round(np.asarray(samples) * (2 ** (8 * width - 1) - 1)).astype(np.int64).ravel()
    if width == 1:
        whole += 128
    data = b"".join(int(each).to_bytes(width, "little", signed=width > 1) for each in whole)
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(channels)
        written.setsampwidth(width)
        written.setframerate(8000)
        written.writeframes(data)
    return file.getvalue()


def sine(amplitude, count=800):
    return amplitude * np.sin(2 * np.pi * np.arange(count) / 40)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_loudness_is_the_amplitude_of_sines_relative_to_the_loudest(width):
    loudness = read_loudness(wav(np.concatenate([sine(1), sine(0.5), sine(0), sine(0.25)]), width))
    assert len(loudness) == MAX_LOUDNESS
    parts = np.array(loudness).reshape(4, -1)  # each window has 16 samples of a sine of 40
    levels = np.sqrt((parts**2).mean(1))
    assert levels / levels[0] == pytest.approx([1, 0.5, 0, 0.25], abs=0.01)


def test_it_is_the_root_mean_square_of_all_channels():
    left = np.concatenate([np.full(500, 0.8), np.zeros(500)])
    right = np.concatenate([np.full(500, -0.6), np.full(500, 0.5)])
    loudness = read_loudness(wav(np.stack([left, right], 1), channels=2))
    expected = (0.5**2 / (0.8**2 + 0.6**2)) ** 0.5
    assert loudness[0] == 1
    assert loudness[-1] == pytest.approx(expected, abs=1e-3)


def test_silence_is_0_and_short_sounds_have_fewer_numbers():
    assert set(read_loudness(wav(np.zeros(1000)))) == {0.0}
    assert read_loudness(wav([0.5, 1.0, -0.25])) == (0.5, 1.0, 0.25)


def _float_wav():
    head = struct.pack("<HHIIHH", 3, 1, 8000, 32000, 4, 32)
    body = b"fmt " + struct.pack("<I", 16) + head + b"data" + struct.pack("<I", 4) + bytes(4)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


@pytest.mark.parametrize(
    ("data", "part"),
    [
        (b"", "16 bits"),
        (b"ID3 an mp3", "16 bits"),
        (wav([0.5] * 9)[:30], "16 bits"),
        (_float_wav(), "16 bits"),
        (wav([]), "empty"),
        (bytes(MAX_SOUND_BYTES + 1), "larger than 50 MB"),
    ],
)
def test_what_is_no_sound_gets_a_sentence(data, part):
    with pytest.raises(RequestError, match=part):
        read_loudness(data)


def test_a_sound_that_was_cut_off_is_read_as_far_as_it_goes():
    whole = wav([0.5, 1.0, -0.25, 0.75])
    assert read_loudness(whole[:-3]) == (0.5, 1.0)


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(data):
    try:
        loudness = read_loudness(wav([0.5] * 9)[:44] + data)
    except RequestError:
        return
    assert all(0 <= each <= 1 for each in loudness)


def test_a_file_is_named_in_its_error(tmp_path):
    path = tmp_path / "song.wav"
    with pytest.raises(RequestError, match=r"song\.wav: The sound can't be read: "):
        sound_of(path)
    path.write_bytes(b"no sound")
    with pytest.raises(RequestError, match=r"song\.wav: The sound can't be read; save it"):
        sound_of(str(path))
    path.write_bytes(wav([1.0, 0.5]))
    assert sound_of(path) == (1.0, 0.5)


def test_the_parts_of_a_story_share_their_weight_by_the_loudness():
    story = Story(2, 4, loudness=(0.0, 1.0))
    assert [story.share(1, i) for i in range(4)] == [0, 0.25, 0.75, 1]
    assert story.share(1, 9) == 1  # continued
    three = Story(3, 5, loudness=(0.0, 0.25, 0.5, 0.75, 1.0))
    assert [[three.share(part, i) for part in range(3)] for i in range(5)] == [
        [1, 0, 0],
        [0.5, 0.5, 0],
        [0, 1, 0],
        [0, 0.5, 0.5],
        [0, 0, 1],
    ]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9), st.integers(2, 5), st.integers(1, 30))
def test_the_shares_always_sum_to_1(loudness, parts, length):
    story = Story(parts, length, loudness=tuple(loudness))
    for i in range(length + 3):
        assert sum(story.share(part, i) for part in range(parts)) == pytest.approx(1)


def test_a_request_keeps_the_loudness_and_needs_a_story():
    request = make_request("a calm sea ^ a storm", loudness=[0, 0.5, 1])
    assert request.story(10) == Story(2, 10, loudness=(0, 0.5, 1))
    assert request_from_json(request.model_dump_json()) == request
    refused: list[tuple[str, dict[str, Any], str]] = [
        ("a sea", {}, "only works with a story"),
        ("a ^ b", {"fade": 0.5}, "doesn't work with a sound"),
        ("a ^ b", {"change_every": 5}, "doesn't work with a sound"),
    ]
    for words, values, part in refused:
        with pytest.raises(RequestError, match=part):
            make_request(words, loudness=[0, 1], **values)
    with pytest.raises(RequestError, match="between 0 and 1"):
        make_request("a ^ b", loudness=[0, 1.5])
