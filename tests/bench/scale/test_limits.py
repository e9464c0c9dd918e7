"""The arithmetic of docs/scale.md, and that the page has its results."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.scale.limits import JobCosts, Limits, need, short, table

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0267, "0.027"),
        (0.3, "0.30"),
        (2.67, "2.7"),
        (26.7, "27"),
        (2304, "2,300"),
        (9.99, "10.0"),
    ],
)
def test_two_digits_count(value, text):
    assert short(value) == text


def test_needs_grow_with_jobs_and_edits_with_their_length():
    costs = JobCosts(
        calls=3, edits_a_minute=10, transactions=20, cpu_seconds=0.1, edit_cpu_seconds=0
    )
    limits = Limits(calls=50, transactions=100, process_cpu=0.5)
    found = need(100, 60, 0.6, costs=costs, limits=limits)
    assert found.jobs == pytest.approx(1)
    assert found.jobs_a_day == pytest.approx(86_400)
    assert found.calls == pytest.approx(13)
    assert found.transactions == pytest.approx(20)
    assert (found.bots, found.databases, found.processes) == (1, 1, 1)
    tenfold = need(1000, 60, 0.6, costs=costs, limits=limits)
    assert (tenfold.bots, tenfold.databases, tenfold.processes) == (3, 2, 2)
    plain = need(1000, 60, 0.6, previews=False, costs=costs, limits=limits)
    assert plain.calls == pytest.approx(30)
    assert plain.bots == 1


def test_the_page_has_this_table():
    page = (ROOT / "docs/scale.md").read_text("utf-8")
    assert table((1, 10, 100, 1000, 10_000), 30) in page
