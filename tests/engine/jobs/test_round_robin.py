"""The order of jobs, and the estimate of their time."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.jobs.effort import Effort
from engine.jobs.eta import EtaEstimator
from engine.jobs.job import JobRecord, Place
from engine.jobs.round_robin import RoundRobin, in_turn
from engine.request.defaults import DEFAULT_MODEL
from engine.request.request import make_request

PEOPLE = st.sampled_from("abcd")


def drained(line):
    items = []
    while (item := line.pop()) is not None:
        items.append(item)
    return items


def test_twenty_jobs_of_one_person_do_not_block_the_next():
    line: RoundRobin[Any] = RoundRobin()
    for i in range(20):
        line.push("ann", f"ann {i}")
    assert line.pop() == "ann 0"
    line.push("bob", "bob 0")
    line.push("bob", "bob 1")
    assert list(line)[:5] == ["ann 1", "bob 0", "ann 2", "bob 1", "ann 3"]
    assert len(line) == 21


def test_removing_an_item_leaves_the_others_in_place():
    line: RoundRobin[Any] = RoundRobin()
    for person, item in ("a", 1), ("a", 2), ("b", 3), ("c", 4):
        line.push(person, item)
    assert line.remove("b", 3)
    assert not line.remove("b", 3)
    assert not line.remove("a", 4)
    assert list(line) == [1, 4, 2]
    assert drained(line) == [1, 4, 2]
    assert line.pop() is None


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("push"), PEOPLE),
        st.just(("pop", "")),
        st.tuples(st.just("remove"), st.integers(0, 30)),
    ),
    max_size=60,
)


@given(STEPS)
def test_no_person_is_served_more_than_their_share_while_another_waits(steps):
    line: RoundRobin[Any] = RoundRobin()
    # item -> (person, how many of theirs were before it, who was served since then)
    waiting: dict[int, tuple[str, int, Counter]] = {}
    number = 0
    for step, value in steps:
        if step == "push":
            before = sum(person == value for person, _, _ in waiting.values())
            waiting[number] = (value, before, Counter())
            line.push(value, number)
            number += 1
        elif step == "remove" and waiting:
            item = sorted(waiting)[value % len(waiting)]
            assert line.remove(waiting.pop(item)[0], item)
        elif step == "pop":
            expected = next(iter(line), None)
            item = line.pop()
            assert item == expected
            if item is None:
                assert not waiting
                continue
            person, before, served = waiting.pop(item)
            del served[person]
            assert max(served.values(), default=0) <= before + 1
            line_of = [mine for mine, (whose, _, _) in waiting.items() if whose == person]
            assert item < min(line_of, default=number)
            for _, _, since in waiting.values():
                since[person] += 1
        assert len(line) == len(waiting)
        assert sorted(line) == sorted(waiting)


def test_a_thousand_iterations_wait_until_others_had_as_many():
    line: RoundRobin[Any] = RoundRobin()
    line.push("ann", "long 1", 100)
    line.push("ann", "long 2", 100)
    for i in range(300):
        line.push("bob", i, 1)
    order = list(line)
    assert order.index("long 1") == 99
    assert order.index("long 2") == 200
    assert drained(line) == order


def test_nobody_waits_for_nobody():
    line: RoundRobin[Any] = RoundRobin()
    line.push("ann", "long", 100)
    assert line.pop() == "long"
    line.push("ann", "long", 100)
    line.push("bob", "short", 1)
    assert drained(line) == ["short", "long"]


@given(
    st.lists(st.tuples(PEOPLE, st.integers(1, 50)), min_size=1, max_size=60),
    st.lists(st.tuples(PEOPLE, st.integers(1, 50)), max_size=30),
)
def test_people_who_wait_all_the_time_get_the_same_seconds(items, later):
    """Give or take the largest item, whatever the sizes and the order of arrival."""
    line: RoundRobin[Any] = RoundRobin()
    for i, (person, seconds) in enumerate(items):
        line.push(person, (person, seconds, i), seconds)
    largest = max(seconds for _, seconds in [*items, *later])
    served = Counter({person: 0 for person, _ in items})
    waiting_since_the_start = set(served)
    while True:
        expected = next(iter(line), None)
        popped = line.pop()
        assert popped == expected
        if popped is None:
            break
        person, seconds, i = popped
        served[person] += seconds
        if later:
            whose, much = later.pop()
            line.push(whose, (whose, much, len(items) + len(later)), much)
        waiting_since_the_start &= {each[0] for each in line}
        shares = [served[each] for each in waiting_since_the_start]
        if shares:
            assert max(shares) - min(shares) <= 2 * largest


def record(id, person, created_at, served_at=None):
    return JobRecord(
        id, make_request("x"), person, Place(None, "1"), created_at, person_served_at=served_at
    )


@given(st.lists(st.one_of(PEOPLE, st.none()), max_size=40))
def test_the_order_survives_a_restart(steps):
    """Each tick a person submits (a name) or is served (None); then all is read from rows."""
    line: RoundRobin[Any] = RoundRobin()
    rows: dict[int, str] = {}
    served_at: dict[str, int] = {}
    for now, person in enumerate(steps, 1):
        if person is not None:
            rows[now] = person
            line.push(person, now)
        elif (item := line.pop()) is not None:
            served_at[rows.pop(item)] = now
    again: RoundRobin[Any] = RoundRobin()
    for row in in_turn(
        record(item, person, item, served_at.get(person)) for item, person in rows.items()
    ):
        again.push(row.person, row.id)
    assert drained(again) == drained(line)


def test_the_estimate_is_what_was_measured():
    estimator = EtaEstimator()
    request = make_request("x", width=256, height=256, cutouts=32, iterations=100)
    effort = Effort(DEFAULT_MODEL, 256, 256, 32)
    assert estimator.seconds(request) > 0  # a guess, before anything is measured
    estimator.learn_speed(effort, 2.0)
    assert estimator.seconds(request) == pytest.approx(200)
    estimator.learn_speed(effort, 1.0)
    assert 100 < estimator.seconds(request) < 200


def test_another_size_of_the_same_model_is_scaled_from_what_was_measured():
    estimator = EtaEstimator()
    estimator.learn_speed(Effort("m", 256, 256, 32), 1.0)
    big = make_request("x", model="m", width=512, height=512, cutouts=32, iterations=10)
    few = make_request("x", model="m", width=256, height=256, cutouts=8, iterations=10)
    assert 10 < estimator.seconds(big) < 40
    assert estimator.seconds(few) < 10


def test_a_request_s_default_size_is_learnt_from_the_first_painted_one():
    estimator = EtaEstimator()
    request = make_request("x")
    estimator.learn_size(request, Effort(DEFAULT_MODEL, 128, 128, 16), 200)
    estimator.learn_speed(Effort(DEFAULT_MODEL, 128, 128, 16), 0.05)
    assert estimator.seconds(make_request("another")) == pytest.approx(10)
    assert estimator.seconds(make_request("another", iterations=100)) == pytest.approx(5)


@pytest.mark.parametrize(
    "values",
    [{}, {"width": 64}, {"height": 2048}, {"aspect": 2.0}, {"preset": "paper"}, {"model": "new"}],
)
def test_there_is_a_guess_for_everything(values):
    assert 0 < EtaEstimator().seconds(make_request("x", **values)) < 1e6
