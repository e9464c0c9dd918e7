"""Texts of messages; prompts in them stay plain text."""

from __future__ import annotations

import re
import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.delivery import messages
from bot.language.formatting import (
    ALT_LENGTH,
    PROMPT_LENGTH,
    alt_text,
    duration,
    escape,
    file_name,
    one_line,
    ordinal,
    place_in_queue,
    prompt_lines,
)
from engine.errors import RequestError
from engine.events import Done, Progress, Queued
from engine.request.request import make_request
from tests.data.stored_jobs import done

REQUEST = make_request("a fox")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s"), (12.4, "12 s"), (100, "2 min"), (3600, "1 h"), (3900, "1 h 5 min")],
)
def test_durations_are_short(seconds, words):
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("number", "words"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (112, "112th"), (21, "21st")],
)
def test_ordinals_have_their_endings(number, words):
    assert ordinal(number) == words


def test_the_place_in_the_queue_is_shown_with_the_wait():
    before = round(time.time() + 120)
    shown = re.fullmatch(r"Queued: 3rd in line \(expected <t:(\d+):R>\)", place_in_queue(3, 120))
    assert shown is not None
    assert before <= int(shown[1]) <= round(time.time() + 120)
    assert place_in_queue(1, None) == "Queued: you're next"


@given(st.text(max_size=3000))
def test_no_text_mentions_links_or_breaks_the_line(text):
    shown = escape(text)
    assert "@everyone" not in shown
    assert "@here" not in shown
    assert "\n" not in shown
    for marker in ("<@", "<#", "<:", "<a:", "</", "<t:", "http:", "https:", "HTTPS:", "discord:"):
        assert marker not in shown


@given(st.text(min_size=1, max_size=2000))
def test_every_prompt_fits_into_every_message(text):
    try:
        request = make_request(text)
    except RequestError:
        return
    done = Done(b"", 7, 1.0, 3, 32, 32, notices=(text, text, text, text))
    for shown in (
        messages.queued("1", request, Queued(2, 3.0)),
        messages.painting("1", request, Progress(1, 2, b"x", {}, 3.0)),
        messages.result("1", request, done, ("a.png", b"x")),
        messages.finished(done, "https://discord.com/channels/1/2/3", request),
        messages.failed("1", request, text[:1000]),
        messages.ended(request, "x"),
        messages.paused("1", request),
    ):
        assert len(shown.content) <= 2000
        assert len(shown.embed) <= 6000
        assert len(shown.embed.description or "") <= 4096
        assert all(len(field.value or "") <= 1024 for field in shown.embed.fields)


def test_a_card_lists_every_note_that_fits():
    request = make_request("a fox")
    notes = tuple(f"Note {number} says something about the picture." for number in range(5))
    done = Done(b"", 7, 1.0, 3, 32, 32, notices=notes)
    shown = messages.result("1", request, done, ("a.png", b"x")).embed.fields[0].value
    assert shown is not None
    assert shown.splitlines() == [f"- {note}" for note in notes]


def test_a_card_shows_the_size_that_the_picture_will_have():
    request = make_request("a fox", width=100, height=100)
    painting = messages.painting("1", request, Progress(1, 2, b"x", {}, None, width=96, height=96))
    assert "96×96" in (painting.embed.footer.text or "")
    assert "100×100" not in (painting.embed.footer.text or "")
    edit = make_request("a fox", init_image="0" * 64, aspect=1.5)
    painting = messages.painting("1", edit, Progress(0, 2, b"", {}, None, width=300, height=200))
    assert "300×200" in (painting.embed.footer.text or "")
    assert "aspect" not in (painting.embed.footer.text or "")


def test_a_prompt_s_parts_are_listed_with_their_weights():
    assert prompt_lines(make_request("a fox:2 + fog:-0.5:0.25 + 16:9")).splitlines() == [
        "- a fox × 2",
        "- fog × -0.5 (avoided), stops at 0.25",
        "- 16:9",
    ]


@given(st.text(max_size=200), st.integers(0, 2**32 - 1))
def test_file_names_are_letters_digits_and_hyphens(prompt, seed):
    name = file_name(prompt, seed, "0" * 32)
    assert set(name) <= set(string.ascii_lowercase + string.digits + "-.")
    assert name.count(".") == 1
    assert not name.startswith((".", "-"))
    assert len(name) < 80


def test_a_result_pings_one_person_and_nobody_else():
    allowed: object = messages.pings("42").to_dict()
    assert allowed == {"parse": [], "users": [42]}


@given(st.text())
def test_no_text_of_a_person_reverses_the_line(text):
    hidden = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    for shown in (escape(text + hidden), one_line(hidden + text)):
        assert not set(shown) & set(hidden)
        assert "[U+" in shown or len(shown) >= PROMPT_LENGTH - 20
    assert one_line("שלום\u200e") == "שלום\u200e"  # a mark that right-to-left text needs


def test_a_picture_s_description_says_what_was_understood():
    request = make_request("a **fox** | a hat:0.5 | fog:-1", where="the sky", init_image="0" * 64)
    text = alt_text(request, ['The model does not know "hat".'])
    assert text == 'a **fox**, a hat, without fog. where: the sky. The model does not know "hat".'
    assert len(alt_text(make_request("fox " * 400))) == ALT_LENGTH
    result = messages.result("1", request, done(), ("fox.png", b"png"))
    assert [file.description for file in result.new_files()] == [alt_text(request, done().notices)]
    hidden = messages.spoilered(result).new_files()
    assert hidden[0].description == alt_text(request, done().notices)
