"""A style's words and flags in a prompt of any kind."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import RequestError
from engine.request.from_text import requests_from_text
from engine.request.prompt import parse_prompts
from engine.request.style import Style


def styled(text, style, **values):
    return [request.prompt for request in requests_from_text(text, style=style, **values)]


@pytest.mark.parametrize(
    ("text", "style", "prompt"),
    [
        ("a fox", "oil painting", "a fox, oil painting"),
        ("a fox --seed 3", "oil painting", "a fox, oil painting"),
        ("a fox", "a print of {prompt}, blue", "a print of a fox, blue"),
        ("a fox:2", "oil painting", "a fox:2 + oil painting"),
        ("a fox + a hen", "oil painting", "a fox + a hen + oil painting"),
        ("a fox | a hen:0.5", "oil painting", "a fox + a hen:0.5 + oil painting"),
        ("a fox @left", "oil painting", "a fox @left + oil painting"),
        ("a fox:2", "a print of {prompt}, blue", "a fox:2 + a print, blue"),
        ("a fox", "oil painting:0.5", "a fox + oil painting:0.5"),
        ("a fox", "oil:2 + gold", "a fox + oil:2 + gold"),
        ("a fox ^ a hen:2", "oil painting", "a fox, oil painting ^ a hen:2 + oil painting"),
        ("a fox --no fog", "oil painting", "a fox, oil painting + fog:-0.5"),
        ("a fox --no fog", "oil painting --no text", "a fox, oil painting + text:-0.5 + fog:-0.5"),
        ("a fox", "--seed 7", "a fox"),
        ("a fox", "", "a fox"),
        ("-", "oil painting", "oil painting"),
    ],
)
def test_a_style_is_added_as_a_person_would_add_it(text, style, prompt):
    assert styled(text, style) == [prompt]


def test_every_choice_is_in_the_style():
    assert styled("a {red, blue} fox", "woodcut") == ["a red fox, woodcut", "a blue fox, woodcut"]


def test_flags_of_the_prompt_and_options_override_those_of_the_style():
    style = "woodcut --seed 7 --iterations 9 --ar 2:1"
    (request,) = requests_from_text("a fox --seed 8", style=style, iterations=5)
    assert (request.seed, request.iterations, request.aspect) == (8, 5, 2.0)
    (request,) = requests_from_text("a fox --size 64x32", style=style)
    assert (request.width, request.height, request.aspect) == (64, 32, None)


@pytest.mark.parametrize(
    "style", ["oil --colour red", "a, (fog:1.4), b", "https://example.com/a.png"]
)
def test_a_style_that_no_prompt_can_have_is_refused(style):
    with pytest.raises(RequestError):
        requests_from_text("a fox", style=style)


WORDS = st.lists(st.sampled_from(["fox", "red", "hill", "of", "snow"]), min_size=1, max_size=4)


@given(st.lists(WORDS, min_size=1, max_size=3), WORDS)
def test_no_prompt_is_lost_and_the_style_is_in_all_of_it(prompts, style):
    text, added = " + ".join(" ".join(each) for each in prompts), " ".join(style)
    found = [each.words for each in parse_prompts(Style(added).applied(text))]
    if len(prompts) == 1:
        assert found == [f"{text}, {added}"]
    else:
        assert found == [*(" ".join(each) for each in prompts), added]
