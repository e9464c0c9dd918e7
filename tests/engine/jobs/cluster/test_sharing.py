"""How bots share a cluster."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.jobs.cluster.sharing import Need, Sharing, divide, room_for

needs = st.dictionaries(
    st.sampled_from("abcde"),
    st.builds(Need, st.integers(0, 30), st.integers(1, 20)),
    max_size=5,
)


@given(needs, st.integers(0, 60))
def test_all_room_is_used_and_nobody_gets_more_than_needed(needs, room):
    shares = divide(needs, room)
    wanted = sum(need.workers for need in needs.values())
    assert sum(shares.values()) == min(room, wanted)
    assert all(0 <= shares[bot] <= need.workers for bot, need in needs.items())


@given(needs, st.integers(0, 60))
def test_a_worker_would_be_fairer_nowhere_else(needs, room):
    """Max-min: a bot that lacks workers has as many for each person as any, but for rounding."""
    shares = divide(needs, room)
    for poor, need in needs.items():
        if shares[poor] == need.workers:
            continue
        for rich, other in needs.items():
            if shares[rich] > 1:
                after = (shares[rich] - 0.5) / other.people
                assert after <= (shares[poor] + 0.5) / need.people + 1e-9


@pytest.mark.parametrize(
    ("needs", "room", "shares"),
    [
        ({"a": Need(100, 30), "b": Need(100, 10)}, 40, {"a": 30, "b": 10}),
        ({"a": Need(100, 30), "b": Need(4, 10)}, 40, {"a": 36, "b": 4}),
        ({"a": Need(100, 99), "b": Need(100, 1)}, 10, {"a": 9, "b": 1}),
        ({"a": Need(9, 3), "b": Need(9, 3)}, 1, {"a": 1, "b": 0}),
        ({"a": Need(1, 1), "b": Need(2, 1)}, 9, {"a": 1, "b": 2}),
        ({"a": Need(0, 1)}, 9, {"a": 0}),
        ({}, 9, {}),
    ],
)
def test_people_count_not_bots_or_jobs(needs, room, shares):
    assert divide(needs, room) == shares


async def test_a_bot_alone_and_one_that_is_gone_limit_nobody():
    now = 0.0
    sharing = Sharing(lambda: now)
    assert await sharing.ask("a", Need(100, 1), 4) is None
    assert await sharing.ask("b", Need(100, 1), 4) == 2
    assert await sharing.ask("a", Need(100, 1), 4) == 2
    assert await sharing.ask("b", Need(1, 1), 200) is None  # there is room for all
    now = 9.0
    assert await sharing.ask("b", Need(100, 1), 4) == 2
    now = 11.0
    assert await sharing.ask("b", Need(100, 1), 4) is None  # a has not asked for a while
    assert await sharing.ask("a", Need(100, 1), 4) == 2
    assert await sharing.ask("b", Need(0, 0), 4) is None
    assert await sharing.ask("a", Need(100, 1), 4) is None


@pytest.mark.parametrize(
    ("resources", "asked", "room"),
    [
        ({"CPU": 8.0}, {"cpus": 1.0, "gpus": 0.0}, 8),
        ({"CPU": 8.0}, {"cpus": 1.0, "gpus": 1.0}, 0),
        ({"CPU": 8.0, "GPU": 2.0}, {"cpus": 1.0, "gpus": 0.3}, 6),
        ({"CPU": 3.0, "GPU": 8.0}, {"cpus": 2.0, "gpus": 1.0}, 1),
        ({"GPU": 1.0}, {"cpus": 1.0, "gpus": 1.0}, 0),
    ],
)
def test_what_fits_on_a_machine(resources, asked, room):
    assert room_for(resources, **asked) == room
