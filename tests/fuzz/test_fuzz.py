"""A small part of the fuzzing: any input gives a request or an error with a message.

`python -m tests.fuzz.million` tries a million random cases; `python -m tests.fuzz.guided` uses
atheris to reach new code.
"""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.request.method.fields import MethodFields
from engine.request.motion_fields import MotionFields
from tests.fuzz.corpus import SEEDS
from tests.fuzz.targets import TARGETS

WORDS = st.sampled_from(
    [
        "a fox",
        " + ",
        ":",
        ":0.5",
        ":-1:2",
        " -> ",
        "--",
        "—",
        "--seed",
        "--ar",
        "16:9",
        "--size",
        "256x128",
        "--where",
        '"',
        "=",
        "\u202e",
        "\u200b",
        "@everyone",
        "```",
        "\ud800",
        "7",
        "1e9",
    ]
)
PROMPTS = st.lists(WORDS | st.text(max_size=8), max_size=24).map("".join)
FIELDS = st.sampled_from(
    [
        "prompt",
        "width",
        "height",
        "aspect",
        "iterations",
        "seed",
        "preset",
        "model",
        "init_image",
        "cutouts",
        "learning_rate",
        *MethodFields.model_fields,
        *MotionFields.model_fields,
        "strength",
        "mask",
        "where",
        "threshold",
        "keep",
        "away",
        "more",
        "x",
    ]
)
VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | PROMPTS
    | st.sampled_from(["a" * 64, "paper", "linear", 64, 0.5])
    | st.lists(st.integers(), max_size=2)
)
BUTTON_IDS = st.builds(
    "imagine:{}:{}".format,
    st.sampled_from(["stop", "again", "delete", "edit"]),
    st.text("0123456789abcdefABCDEFg\u0661\n", min_size=30, max_size=34),
)


def feed(target: str, text: str) -> None:
    TARGETS[target](text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize(
    ("target", "data"),
    [(target, data) for target, seeds in SEEDS.items() for data in seeds],
    ids=lambda value: value if isinstance(value, str) else repr(value[:30]),
)
def test_earlier_findings_are_accepted_or_refused_with_a_message(target, data):
    TARGETS[target](data)


@given(PROMPTS)
@settings(max_examples=150)
def test_prompts(text):
    feed("prompt", text)


@given(st.dictionaries(FIELDS, VALUES, max_size=6))
@settings(max_examples=150)
def test_requests(values):
    feed("request", json.dumps(values))
    feed("request", json.dumps({"prompt": "a fox", **values}))


@given(st.text(max_size=80))
@settings(max_examples=50)
def test_text_that_is_not_json(text):
    feed("request", text)


@pytest.mark.filterwarnings("ignore")  # Pillow warns of odd pictures; they are read or refused
@given(st.binary(max_size=40))
@settings(max_examples=100)
def test_pictures(data):
    TARGETS["picture"](data)
    TARGETS["changed-picture"](data)


@given(BUTTON_IDS | st.text(max_size=60))
@settings(max_examples=150)
def test_custom_ids(text):
    feed("custom-id", text)
