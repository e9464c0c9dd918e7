"""A job's losses: few numbers that are evenly spread, whatever happens while it is painted."""

from __future__ import annotations

import json
import math
from dataclasses import asdict

from hypothesis import given
from hypothesis import strategies as st

from engine.events import Losses
from engine.worker.loss_curve import NAMED, POINTS, LossCurve


def curve(iterations, before=None, start=0):
    made = LossCurve(before)
    for iteration in range(start, iterations):
        made.add(iteration, {"a fox": iteration / 2, "total": float(iteration)})
    return made


@given(st.integers(1, 5000))
def test_there_are_few_points_and_each_is_at_its_iteration(iterations):
    losses = curve(iterations).losses()
    assert losses is not None
    assert len(losses.total) <= POINTS
    assert losses.total == tuple(float(i * losses.every) for i in range(len(losses.total)))
    assert len(losses.total) >= min(iterations, POINTS // 2)
    assert iterations - losses.every <= losses.total[-1] < iterations
    assert losses.last == {"total": iterations - 1, "a fox": (iterations - 1) / 2}


@given(st.integers(1, 400), st.integers(1, 400))
def test_stored_half_way_and_continued_it_is_the_same(first, more):
    half = curve(first).losses()
    assert half is not None
    stored = Losses.from_plain(json.loads(json.dumps(asdict(half))))
    assert stored == half
    assert curve(first + more, stored, first).losses() == curve(first + more).losses()


def test_a_painting_that_goes_back_replaces_what_was_noted():
    made = curve(10)
    for iteration in (6, 7):
        made.add(iteration, {"total": 100.0 + iteration})
    losses = made.losses()
    assert losses is not None
    assert losses.total == (0, 1, 2, 3, 4, 5, 106, 107)


def test_losses_that_are_known_late_or_not_finite_do_not_shift_the_others():
    made = LossCurve()
    made.add(0, {})
    made.add(1, {"total": math.nan})
    assert made.losses() is None
    made.add(2, {"total": 2.0})
    made.add(3, {"total": math.inf})
    made.add(4, {"total": 4.0, "smoothness": math.nan})
    assert made.losses() == Losses(1, (2.0, 2.0, 2.0, 4.0, 4.0), {"total": 4.0})


def test_of_many_prompts_some_are_kept_and_the_total():
    made = LossCurve()
    made.add(0, {**{f"prompt {i}": i / 3 for i in range(40)}, "total": 1 / 3})
    losses = made.losses()
    assert losses is not None
    assert len(losses.last) == NAMED
    assert losses.last["total"] == 0.33333


def test_something_else_is_no_losses():
    wrong: tuple[object, ...] = (None, [], {"every": 1}, {"every": "1", "total": [], "last": {}})
    for value in wrong:
        assert Losses.from_plain(value) is None
