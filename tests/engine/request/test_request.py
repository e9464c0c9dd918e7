import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import RequestError
from engine.request.flag_values import FLAGS, parse_size
from engine.request.from_text import request_from_text
from engine.request.limits import MAX_SEED, RANGES
from engine.request.method.regulariser import SCHEDULES
from engine.request.prompt import Prompt
from engine.request.prompt.flags import METHOD_WORDS
from engine.request.recipe import PRESETS
from engine.request.request import ImageRequest, make_request, request_from_json

REQUESTS = st.builds(
    make_request,
    st.sampled_from(["a fox", "a fox + a hen:-0.5", "狐", "16:9"]),
    width=st.none() | st.integers(16, 2048),
    height=st.none() | st.integers(16, 2048),
    aspect=st.none() | st.floats(0.125, 8),
    iterations=st.none() | st.integers(1, 5000),
    seed=st.none() | st.integers(0, MAX_SEED),
    preset=st.sampled_from(sorted(PRESETS)),
    model=st.text(st.characters(codec="utf-8"), max_size=100),
    init_image=st.none() | st.from_regex(r"\A[0-9a-f]{64}\Z"),
    cutouts=st.none() | st.integers(1, 256),
    learning_rate=st.none() | st.floats(0, 100, exclude_min=True),
    regulariser=st.none() | st.sampled_from(sorted(SCHEDULES)),
)


@given(REQUESTS)
def test_a_request_survives_its_json(request_):
    assert request_from_json(request_.model_dump_json()) == request_
    assert request_from_json(request_.model_dump_json(exclude_none=True)) == request_


def test_flags_in_the_text_are_the_requests_fields():
    request = request_from_text(
        "a fox + a hen:-0.5 --size 96x64 --iterations 9 --seed 0 --preset paper --model m "
        "--cutouts 8 --learning-rate .5 --regulariser linear --ar 3:2"
    )
    assert request == ImageRequest(
        prompt="a fox + a hen:-0.5",
        width=96,
        height=64,
        aspect=1.5,
        iterations=9,
        seed=0,
        preset="paper",
        model="m",
        cutouts=8,
        learning_rate=0.5,
        regulariser="linear",
    )
    assert request.prompts() == (Prompt("a fox"), Prompt("a hen", -0.5))
    assert set(FLAGS) - set(METHOD_WORDS) - {"smoothness", "saturation", "aesthetic", "ema"} == {
        "size",
        "ar",
        "iterations",
        "seed",
        "preset",
        "model",
        "perceptor",
        "cutouts",
        "learning-rate",
        "addition",
        "strength",
        "where",
        "threshold",
        "keep",
        "away",
        "change-every",
        "fade",
        "noise",
        "zoom",
        "rotate",
        "pan",
        "tilt",
        "every",
        "count",
        "vary",
        "grow",
        "extend",
        "steer",
        "tile",
        "relax",
    }


def test_a_flag_in_the_text_overrides_the_values():
    assert request_from_text("a fox --seed 7", seed=8, iterations=3).seed == 7
    assert request_from_text("a fox", seed=8).seed == 8


def test_relaxed_has_a_yes_and_a_no():
    said = ("a fox --relax", "a fox --relax no", "a fox --relax=yes in snow", "a fox", "relax")
    found = [request_from_text(text) for text in said]
    assert [each.relax for each in found] == [True, False, True, None, None]
    assert found[2].prompt == "a fox in snow"


def test_one_side_is_a_square():
    assert parse_size("64") == {"width": 64, "height": 64}
    assert parse_size("64×32") == parse_size("64X32") == {"width": 64, "height": 32}


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "empty"),
        ("--seed 7", "empty"),
        ("a\x00b", "NUL"),
        ("x" * 2001, "the maximum is 2000"),
        ("a --size 0x0", "can't be zero"),
        ("a --size 64x", "256x128"),
        ("a --size -64x64", "256x128"),
        ("a --size ٦٤", "256x128"),
        ("a --size 99999x64", "between 16 and 2048"),
        ("a --size 999999999x64", "256x128"),
        ("a --ar 0:1", "can't be zero"),
        ("a --ar 16", "16:9"),
        ("a --ar 100:1", "between 1:8 and 8:1"),
        ("a --iterations -1", "between 1 and 5000"),
        ("a --iterations 0", "between 1 and 5000"),
        ("a --iterations many", "whole number"),
        ("a --iterations 1.5", "whole number"),
        ("a --seed -1", f"between 0 and {MAX_SEED}"),
        (f"a --seed {MAX_SEED + 1}", f"between 0 and {MAX_SEED}"),
        ("a --seed 1e3", "whole number"),
        ("a --seed", "needs a value"),
        ("a --seed 1 --seed 2", "twice"),
        ("a --cutouts 0", "between 1 and 256"),
        ("a --learning-rate 0", "above 0"),
        ("a --learning-rate nan", "above 0"),
        ("a --learning-rate inf", "100"),
        ("a --learning-rate fast", "a number"),
        ("a --preset nice", "paper"),
        ("a --regulariser none", "linear"),
        ("a --model " + "m" * 101, "the maximum is 100"),
        ("a --colour red", "--learning-rate"),
    ],
)
def test_a_wrong_request_is_one_sentence(text, part):
    with pytest.raises(RequestError) as refusal:
        request_from_text(text)
    assert part in str(refusal.value)
    assert str(refusal.value).endswith(".")
    assert "\n" not in str(refusal.value)


def test_a_lone_surrogate_is_replaced_if_typed_and_otherwise_refused():
    # JSON can contain one, but neither a Discord message nor a file in UTF-8 can.
    assert request_from_text("a \ud800 fox").prompt == "a \ufffd fox"
    with pytest.raises(RequestError, match="prompt"):
        make_request("\ud800")


@pytest.mark.parametrize(
    ("fields", "part"),
    [
        ({"colour": "red"}, "colour"),
        ({"seed": 1.5}, "whole number"),
        ({"seed": None, "width": [1]}, "whole number"),
        ({"aspect": "wide"}, "a number"),
        ({"init_image": "../secret"}, "init image"),
        ({"preset": 3}, "preset"),
    ],
)
def test_an_unknown_or_wrong_field_is_named(fields, part):
    with pytest.raises(RequestError, match=part):
        make_request("a fox", **fields)


@given(
    st.text(max_size=2500)
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(sorted(ImageRequest.model_fields)) | st.text(max_size=9),
                inner,
                max_size=4,
            )
        ),
    ).map(json.dumps)
)
def test_any_json_is_a_request_or_refused(text):
    try:
        request = request_from_json(text)
    except RequestError as refusal:
        said = str(refusal)
        assert said.endswith(".")
    else:
        assert request.prompts() or request.noises()


@given(st.text(max_size=2500))
def test_any_text_is_a_request_or_refused(text):
    try:
        request = request_from_text(text)
    except RequestError as refusal:
        said = str(refusal)
        assert said.endswith(".")
    else:
        assert request.prompts()
        json.loads(request.model_dump_json())


def test_a_changed_request_is_validated_again():
    request = make_request("a fox", seed=7)
    assert request.changed(iterations=9) == make_request("a fox", seed=7, iterations=9)
    with pytest.raises(RequestError, match="between 1 and 5000"):
        request.changed(iterations=0)


@pytest.mark.parametrize("field", RANGES)
def test_each_number_is_accepted_within_its_range_and_refused_outside(field):
    bounds = RANGES[field]

    with_it: dict[str, dict[str, Any]] = {
        "threshold": {"where": "sky"},
        "every": {"zoom": 1.1},
        "grow": {"width": 64, "height": 64},
    }
    more = with_it.get(field, {})

    def request(value):
        return make_request(
            "fog -> sun ^ night",
            init_image="0" * 64,
            **{**more, field: value},
        )

    assert getattr(request(bounds.high), field) == bounds.high
    with pytest.raises(RequestError, match=f"{bounds.high}"):
        request(bounds.high * 2)
    if bounds.exclusive:
        with pytest.raises(RequestError, match=f"above {bounds.low}"):
            request(bounds.low)
    else:
        assert getattr(request(bounds.low), field) == bounds.low
        with pytest.raises(RequestError, match=f"between {bounds.low}"):
            request(bounds.low - 1)


def test_values_that_need_no_validation_are_set_and_count_as_given():
    request = make_request("a fox").with_values(seed=7)
    assert request == make_request("a fox", seed=7)
    assert request.model_fields_set == {"prompt", "seed"}
