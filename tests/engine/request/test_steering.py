"""Steering: typed, stored, and what it does to the numbers of a recipe."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import RequestError
from engine.request.from_text import request_from_text
from engine.request.prompt import Prompt
from engine.request.recipe import Early, Recipe
from engine.request.request import make_request, request_from_json
from engine.request.steered import Steered
from engine.request.steering import MOST_STEERS, RATES, Steer, parse_steer
from engine.request.story import Story

SHA = "0" * 64
TYPED = [
    "24: a blue circle:2 + a star",
    "30: freeze: @left",
    "30: freeze: the red hat",
    "35: unfreeze: @0-50%,20-100%",
    "36: unfreeze: all",
    "40: longer: 50",
    "41: rate: 1.5",
    "42: paint: freeze: frame",
]
WORDS = st.lists(
    st.sampled_from(["a fox", "red", "paint:", "freeze: x", "rate: 2", "24:", "@left", '"a + b"']),
    min_size=1,
    max_size=3,
).map(" ".join)
CHANGES = st.one_of(
    st.fixed_dictionaries({"paint": WORDS}),
    st.fixed_dictionaries({"freeze": st.sampled_from(["@left", "@hill", "a hat", "all"])}),
    st.fixed_dictionaries({"unfreeze": st.sampled_from(["@0-50%,20-100%", "hat:", "all"])}),
    st.fixed_dictionaries({"longer": st.integers(1, 5000)}),
    st.fixed_dictionaries({"rate": st.floats(RATES.low, RATES.high)}),
)


@settings(max_examples=60)
@given(st.integers(0, 15000), CHANGES)
def test_a_step_of_steering_survives_its_text_and_its_json(at, change):
    try:
        steer = parse_steer(f"{at}: {_typed(change)}", ["hill"])
    except RequestError:  # words that are no prompt, such as a weight alone
        return
    assert parse_steer(str(steer), ["hill"]) == steer
    assert Steer.model_validate_json(steer.model_dump_json(exclude_none=True)) == steer
    assert steer.at == at
    assert [name for name, value in steer if value is not None and name != "at"] == list(change)


def _typed(change: dict[str, Any]) -> str:
    ((kind, value),) = change.items()
    return f"{kind}: {value}"


def test_steering_is_read_stored_and_told_like_it_was_typed():
    request = make_request("a red circle", steering=TYPED)
    assert [str(each) for each in request.steering or ()] == TYPED
    assert request_from_json(request.model_dump_json(exclude_none=True)) == request
    assert request.changed(seed=3).changed(prompt="a fox").steering == request.steering
    assert request.nudges() == (
        (24, (Prompt("a blue circle", 2), Prompt("a star"))),
        (42, (Prompt("freeze: frame"),)),
    )
    assert (request.longer, request.rate_factor) == (50, 1.5)
    assert request.last_words == "freeze: frame"
    assert request.frozen_phrases() == ["the red hat"]
    assert {"a red circle", "a blue circle:2 + a star", "the red hat"} < set(request.texts())
    assert [str(each) for each in request.steering_until(31) or ()] == TYPED[:3]
    assert make_request("a fox", steering=[]) == make_request("a fox")


def test_flags_in_the_prompt_steer():
    text = 'a red circle --steer "24: a  blue circle, big --no snow" --steer "30: freeze: @Left"'
    request = request_from_text(text)
    assert [str(each) for each in request.steering or ()] == [
        "24: a blue circle, big + snow:-0.5",
        "30: freeze: @left",
    ]


def test_steps_are_in_the_order_of_their_iterations():
    request = make_request("a", steering=["9: b", "3: c", "9: d"])
    assert [str(each) for each in request.steering or ()] == ["3: c", "9: b", "9: d"]


def test_an_edit_is_steered_by_an_arrow_and_a_region_by_its_mask():
    mask = {"name": "hill", "mask": SHA}
    request = make_request(
        "fog -> sun", init_image=SHA, regions=[mask], steering=["4: sun -> rain @hill:2"]
    )
    assert request.nudges() == ((4, (Prompt("rain", 2, region="hill"), Prompt("sun", -0.5))),)
    assert request.region_names() == ("hill",)
    frozen = make_request("a fox", regions=[mask], steering=["4: freeze: @hill"])
    assert frozen.region_names() == ("hill",)


@pytest.mark.parametrize(
    ("steering", "part"),
    [
        ("a blue circle", "has no iteration"),
        ("24:", "Nothing follows"),
        ("24: freeze:", 'Nothing follows "freeze:"'),
        ("24: a ^ b", "no story"),
        ("24: a --seed 7", "remove --seed"),
        ("24: {a, b}", "no choices"),
        ("24: freeze: @nowhere", "no region"),
        ("24: freeze: @60-20%,0-9%", "must go from"),
        ("24: longer: many", "whole number"),
        ("24: longer: 0", "between 1 and 5000"),
        ("24: rate: fast", "a number"),
        ("24: rate: 20", "between 0.1 and 10"),
        ("24: rate: 9\n25: rate: 9", "not 81"),
        ("99999: a", "between 0 and 15000"),
        ("24: a:0", "weight 0"),
        ("\n".join(f"{i}: a" for i in range(MOST_STEERS + 1)), "at most 32 times"),
        ([{"at": 3}], "changes one thing"),
        ([{"at": 3, "longer": 5, "rate": 2}], "changes one thing"),
        ([{"at": 3, "freeze": "@hill"}], "@hill"),
        ([{"at": 3, "paint": " "}], "needs words"),
        ([5], "steering"),
    ],
)
def test_what_is_wrong_with_steering_is_said(steering, part):
    with pytest.raises(RequestError, match=part):
        make_request("a red circle", steering=steering)


def test_freezing_does_not_go_with_a_camera_or_growth():
    for others in ({"zoom": 1.1}, {"init_image": SHA, "grow": 1.5, "width": 64, "height": 64}):
        make_request("a", steering=["4: b"], **others)
        with pytest.raises(RequestError, match="freeze doesn't work"):
            make_request("a", steering=["4: freeze: @left"], **others)


FALLING = Recipe(iterations=100, cooling=0.1, learning_rate=1.0, early=Early(0.5, 4))


def test_more_iterations_stretch_what_is_left_of_the_learning_rate():
    longer = _with(FALLING, longer=((40, 60),))
    assert longer.iterations == 160
    for i in range(41):
        assert longer.rate(i) == FALLING.rate(i)
    # 60 iterations were left, and are 120 now: each step falls by half of what it did.
    for i in range(0, 60, 7):
        assert longer.rate(40 + 2 * i) == pytest.approx(FALLING.rate(40 + i))
    assert longer.augmentation_at(59).count == 4
    assert longer.augmentation_at(60).count != 4
    assert [longer.known_iterations(i) for i in (39, 40)] == [100, 160]


def test_a_continued_picture_is_stretched_in_its_own_time():
    base = _with(FALLING, more=100)
    longer = _with(base, longer=((150, 50),))
    assert [longer.rate(i) for i in range(151)] == [base.rate(i) for i in range(151)]
    assert longer.rate(175) == pytest.approx(base.rate(162.5))  # type: ignore[arg-type]
    assert longer.rate(249) < longer.rate(151)


def test_other_words_begin_at_the_largest_rate_again_if_they_are_fresh():
    fresh = _with(FALLING, nudges=((50, 0),), fresh=(50,))
    assert [fresh.rate(i) for i in range(50)] == [FALLING.rate(i) for i in range(50)]
    assert fresh.rate(50) == FALLING.rate(0)
    assert fresh.rate(75) == pytest.approx(FALLING.rate(50))
    assert [i for i in range(100) if fresh.restarts_before(i)] == [50]
    plain = _with(FALLING, nudges=((50, 0),))
    assert [plain.rate(i) for i in range(100)] == [FALLING.rate(i) for i in range(100)]
    # The next period of a continued picture is a usual one.
    continued = _with(_with(FALLING, more=100), nudges=((50, 0),), fresh=(50,))
    assert continued.rate(120) == pytest.approx(FALLING.rate(20))


def test_other_words_end_a_story():
    told = Recipe(iterations=100, cooling=0.1, story=Story(4, 100, fresh=True))
    nudged = _with(told, nudges=((30, 0),), fresh=(30,))
    assert [i for i in range(100) if told.restarts_before(i)] == [25, 50, 75]
    assert [i for i in range(100) if nudged.restarts_before(i)] == [25, 30]
    assert nudged.rate(29) == told.rate(29)
    assert nudged.rate(51) < nudged.rate(30)


def test_the_learning_rate_is_multiplied_from_its_iteration_on():
    bolder = _with(FALLING, rates=((10, 1.5), (20, 2.0)))
    for i, factor in ((9, 1.0), (10, 1.5), (19, 1.5), (20, 3.0)):
        assert bolder.rate(i) == FALLING.rate(i) * factor


@settings(max_examples=25)
@given(st.data(), st.integers(1, 50), st.booleans())
def test_a_painting_that_is_steered_later_was_the_same_before(data, length, continues):
    steps = data.draw(
        st.lists(st.tuples(st.integers(0, 99), st.integers(1, 60)), max_size=4).map(sorted)
    )
    base = Recipe(iterations=length, cooling=0.2, early=Early(0.3, 4), period=length)
    base = _with(base, more=length) if continues else base
    now = data.draw(st.integers(0, 99))
    known, later = [s for s in steps if s[0] < now], [s for s in steps if s[0] >= now]
    before = _with(base, longer=tuple(known), nudges=tuple(known), fresh=tuple(s[0] for s in known))
    after = _with(
        base,
        longer=tuple(known + later),
        nudges=tuple(known + later),
        fresh=tuple(s[0] for s in known + later),
        rates=tuple((at, 1.5) for at, _ in later),
    )
    for i in range(now):
        assert after.rate(i) == before.rate(i)
        assert after.augmentation_at(i) == before.augmentation_at(i)
        assert after.restarts_before(i) == before.restarts_before(i)
        assert after.known_iterations(i) == before.known_iterations(i)


def _with(recipe: Recipe, *, more: int = 0, **steered: Any) -> Recipe:
    """The recipe with this steering, or with ``more`` iterations as Continue adds them."""
    if more:
        period = recipe.period or recipe.iterations
        return replace(recipe, iterations=recipe.iterations + more, period=period)
    numbers = Steered(**steered)
    return replace(recipe, iterations=recipe.iterations + numbers.more, steered=numbers)
