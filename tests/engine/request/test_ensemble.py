"""Perceptors by name and weight, in requests and in prompts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import RequestError
from engine.request.ensemble import (
    MOST_PERCEPTORS,
    Chosen,
    parse_perceptors,
    perceptors_text,
)
from engine.request.from_text import request_from_text
from engine.request.request import ImageRequest, make_request, request_from_json

NAMES = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._/@-]{0,63}\Z")
PERCEPTORS = st.lists(
    st.builds(Chosen, NAMES, st.floats(0, 100, exclude_min=True)),
    min_size=1,
    max_size=MOST_PERCEPTORS,
    unique_by=lambda chosen: chosen.name,
).map(tuple)


@given(PERCEPTORS)
def test_what_is_written_is_read_again(perceptors):
    assert parse_perceptors(perceptors_text(perceptors)) == perceptors


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused_with_a_sentence(text):
    said = "."
    try:
        perceptors = parse_perceptors(text)
    except RequestError as error:
        said = str(error)
    else:
        assert perceptors
    assert said.endswith(".")


def test_perceptors_are_given_once_or_several_times_or_as_a_list():
    expected = "ViT-B/32,RN50x4:0.5"
    for request in (
        request_from_text("a fox --perceptor ViT-B/32 --perceptor RN50x4:0.5"),
        request_from_text("a fox --perceptor ViT-B/32,RN50x4:.50"),
        request_from_text("a fox --clip_models ViT-B/32:1,RN50x4:0.5"),
        request_from_text('a fox --perceptor "ViT-B/32, RN50x4: 0.5"'),
        make_request("a fox", perceptor=["ViT-B/32", "RN50x4:0.5"]),
    ):
        assert request.perceptor == expected
        assert request.networks == f"natural/{expected}"
        assert request_from_json(request.model_dump_json()) == request


def test_they_replace_those_of_the_model():
    assert ImageRequest(prompt="a", model="m").networks == "m"
    assert ImageRequest(prompt="a", model="m/RN50").networks == "m/RN50"
    assert ImageRequest(prompt="a", model="m/RN50", perceptor="ViT-B-32").networks == "m/ViT-B-32"


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ("", "names as in ViT-B-32"),
        ("ViT-B-32,", "names as in ViT-B-32"),
        ("ViT B 32", 'not "ViT B 32"'),
        ("RN50:0", 'RN50 must be above 0 and at most 100, not "0"'),
        ("RN50:-1", "above 0"),
        ("RN50:nan", "above 0"),
        ("RN50:101", "at most 100"),
        ("RN50:", "above 0"),
        ("RN50:much", 'not "much"'),
        ("RN50:1:2", "above 0"),
        ("RN50,RN50:0.5", "RN50 is named twice"),
        (",".join(f"p{i}" for i in range(9)), "9 perceptors; at most 8"),
    ],
)
def test_a_wrong_name_or_weight_is_one_sentence(given, part):
    with pytest.raises(RequestError) as refusal:
        make_request("a fox", perceptor=given)
    assert part in str(refusal.value)
    assert str(refusal.value).endswith(".")
