"""Regions of prompts: named, in per cent and by masks, typed and stored."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import RequestError
from engine.request.from_text import request_from_text
from engine.request.prompt import Prompt, canonical, parse_prompts
from engine.request.regions import NAMES, rectangle_of, region_named
from engine.request.request import make_request, request_from_json

SHA = "a" * 64
HILL = [{"name": "hill", "mask": SHA}]


@pytest.mark.parametrize(
    ("typed", "read", "prompts"),
    [
        ("a fox @left", "a fox @left", [("a fox", 1, "left")]),
        ("a @left:2 + b @Right", "a @left:2 + b @Right", [("a", 2, "left"), ("b", 1, "right")]),
        ("a fox:0.5 @left", "a fox @left:0.5", [("a fox", 0.5, "left")]),
        ("a fox @left:0.5:0.3", "a fox @left:0.5:0.3", [("a fox", 0.5, "left")]),
        ("a fox @centre | b", "a fox @middle + b", [("a fox", 1, "middle"), ("b", 1, None)]),
        ("a @left::2 b @top", "a @left:2 + b @top", [("a", 2, "left"), ("b", 1, "top")]),
        ("(a fox:1.4) @top", "a fox @top:1.4", [("a fox", 1.4, "top")]),
        ("a fox @left.", "a fox @left", [("a fox", 1, "left")]),
        ("Apollo 11 @left:2", "Apollo 11 @left:2", [("Apollo 11", 2, "left")]),
        ("a fox @0-50,20-100:2", "a fox @0-50%,20-100%:2", [("a fox", 2, "0-50%,20-100%")]),
        ("a @12.5%-50%,0-9.5%", "a @12.5%-50%,0-9.5%", [("a", 1, "12.5-50%,0-9.5%")]),
    ],
)
def test_a_region_ends_the_words_and_a_weight_may_follow_or_precede(typed, read, prompts):
    request = request_from_text(typed)
    assert request.prompt == canonical(read) == read
    assert [(p.words, p.weight, p.region) for p in request.prompts()] == prompts
    assert request_from_json(request.model_dump_json()).prompts() == request.prompts()
    assert parse_prompts(" + ".join(map(str, request.prompts()))) == request.prompts()


@pytest.mark.parametrize("words", ["by @artist", "me@left", 'a sign "go @left"', "@left of it"])
def test_other_words_with_the_sign_stay_words(words):
    request = request_from_text(words)
    assert [(p.words, p.region) for p in request.prompts()] == [(words, None)]


def test_a_stored_prompt_of_the_first_grammar_keeps_its_meaning():
    stored = request_from_json('{"prompt": "a fox @left"}')
    assert stored.prompts() == stored.changed(seed=1).prompts() == (Prompt("a fox @left"),)


def test_masks_give_regions_names_of_their_own():
    request = request_from_text("a castle @hill:0.5 + sky ^ a ruin @Hill", regions=HILL)
    assert [(p.words, p.weight, p.region, p.part) for p in request.prompts()] == [
        ("a castle", 0.5, "hill", 0),
        ("sky", 1, None, 0),
        ("a ruin", 1, "hill", 1),
    ]
    assert request.pictures_needed() == (SHA,)
    assert request_from_json(request.model_dump_json(exclude_none=True)) == request
    assert request.changed(seed=1).prompts() == request.prompts()
    edit = make_request("fog -> a castle @hill", init_image=SHA, regions=HILL)
    assert [(p.words, p.region) for p in edit.prompts()] == [("a castle", "hill"), ("fog", None)]
    assert parse_prompts("a castle @hill") == (Prompt("a castle @hill"),)


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("a castle:0.5 @hill + sky", "a castle @hill:0.5 + sky"),
        ("a b:-2:0.5 @Hill", "a b @Hill:-2:0.5"),
        ("a:50% @hill.", "a @hill:0.5"),
        ('x "go:2 @hill" @hill', 'x "go:2 @hill" @hill'),
    ],
)
def test_a_weight_may_precede_a_mask_s_name_too(typed, read):
    request = request_from_text(typed, regions=HILL)
    assert request.prompt == read
    assert request.prompts()[0].region == "hill"
    assert request_from_json(request.model_dump_json()).prompts() == request.prompts()


@pytest.mark.parametrize(
    ("typed", "regions", "part"),
    [
        ("@left", None, 'The region "@left" has no words before it'),
        ("a fox + @left:2", None, "no words before it"),
        ("a fox @left @right", None, "two regions"),
        ("a fox @50-20,0-100", None, "from a smaller to a larger percentage"),
        ("a fox @0-50,0-101", None, "at most 100"),
        ("a fox, (b @left:2), c", None, "can't be read"),
        ("a castle", HILL, 'No prompt is in the region hill; write "a castle @hill"'),
        ("a castle @left", [{"name": "left", "mask": SHA}], 'can\'t be called "left"'),
        ("a castle @a.b", [{"name": "a.b", "mask": SHA}], 'can\'t be called "a.b"'),
        ("a castle @hill", HILL * 2, "Two regions are called hill"),
        ("a castle @hill", [{"name": "hill", "mask": "hill.png"}], "regions can't be 'hill.png'"),
        ("a castle @hill", 3, "regions can't be '3'"),
        ("a @r0", [{"name": f"r{i}", "mask": SHA} for i in range(9)], "9 masks of regions"),
    ],
)
def test_what_is_not_a_region_is_refused_with_a_sentence(typed, regions, part):
    with pytest.raises(RequestError) as refusal:
        request_from_text(typed, **({} if regions is None else {"regions": regions}))
    assert part in str(refusal.value)
    assert str(refusal.value).endswith(".")


PER_CENT = st.integers(0, 1000).map(lambda tenths: tenths / 10)


@given(st.lists(PER_CENT, min_size=4, max_size=4))
def test_a_rectangle_in_per_cent_is_stored_in_one_form(ends):
    typed = "{}-{},{}%-{}%".format(*ends)
    left, right, top, bottom = ends
    if not (left < right and top < bottom):
        with pytest.raises(RequestError):
            region_named(typed)
        return
    stored = region_named(typed)
    assert stored is not None
    assert region_named(stored) == stored
    assert rectangle_of(stored) == pytest.approx((left / 100, top / 100, right / 100, bottom / 100))


def test_every_name_is_a_part_of_the_picture():
    for name, (left, top, right, bottom) in NAMES.items():
        assert region_named(name.upper()) == name
        assert rectangle_of(name) == (left, top, right, bottom)
        assert 0 <= left < right <= 1
        assert 0 <= top < bottom <= 1
    assert region_named("somewhere") is None
    assert rectangle_of("hill") is None
