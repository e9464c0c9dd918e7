"""The engine against itself at an older commit."""

from __future__ import annotations

import pytest

from bench import since


def painted(picture="a", cpu=2.0, start=1.0, memory=100):
    return {"picture": picture, "cpu": cpu, "start": start, "memory": memory}


def test_pairs_are_compared():
    before = [painted(cpu=2.0), painted(cpu=4.0), painted(cpu=2.0)]
    now = [painted(cpu=1.0), painted(cpu=4.0), painted(cpu=3.0, memory=150)]
    figures = since.compare(before, now)
    assert figures["equal"]
    assert figures["cpu"] == {"median": 1.0, "least": 0.5, "most": 1.5}
    assert figures["memory"] == {"median": 1.0, "least": 1.0, "most": 1.5}
    assert not since.compare(before, [painted("b"), *now[1:]])["equal"]
    bots = [{"start": 1.0, "memory": 100}]
    assert since.compare(bots, [{"start": 2.0, "memory": 100}]).keys() == {"start", "memory"}


@pytest.mark.slow
def test_this_tree_loads_its_bot():
    assert since.load_bot(since.ROOT)["start"] > 0


@pytest.mark.slow
def test_this_tree_paints_what_it_paints():
    a, b = (since.paint(since.ROOT, "drawn", "default", 1) for _ in range(2))
    assert since.compare([a], [b])["equal"]
    assert a["cpu"] > 0
    assert a["memory"] > 0


def test_a_commit_that_is_not_there_is_named():
    with (
        pytest.raises(since.SinceError, match="no-such-commit"),
        since.older_tree("no-such-commit"),
    ):
        pass
