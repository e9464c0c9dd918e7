from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.gpu import Report
from bench.timing.alternate import alternate, ratio_of
from bench.timing.gpu_sections import Plan, graphs
from bench.timing.subjects import Work


def broken() -> dict[str, object]:
    raise RuntimeError("no kernel image is available")


def test_a_section_that_fails_is_reported_and_the_others_are_kept(tmp_path: Path) -> None:
    report = Report(tmp_path / "gpu.json", seconds=60)
    report.add("first", lambda: {"figure": 1})
    report.add("second", broken)
    report.add("third", lambda: {"ok": False, "figure": 3})
    report.add("fourth", lambda: {"ok": True})
    found = json.loads((tmp_path / "gpu.json").read_text())
    assert found["first"]["figure"] == 1
    assert found["second"]["error"] == "RuntimeError: no kernel image is available"
    assert found["third"]["figure"] == 3
    assert found["failed"] == ["second", "third"]


def test_sections_that_would_begin_too_late_are_left_out(tmp_path: Path) -> None:
    report = Report(tmp_path / "gpu.json", seconds=-1)
    report.add("late", broken)
    found = json.loads((tmp_path / "gpu.json").read_text())
    assert found["late"] == {"error": "left out: the time is used up"}
    assert found["failed"] == ["late"]


def test_without_a_gpu_the_section_about_graphs_says_why_it_is_left_out(tmp_path: Path) -> None:
    plan = Plan.tiny()
    work = Work(tmp_path, plan.side, plan.cutouts, "cpu", "bf16", small=True)
    report = Report(tmp_path / "gpu.json", seconds=60)
    report.add("graphs", lambda: graphs(work, plan))
    found = json.loads((tmp_path / "gpu.json").read_text())
    assert found["graphs"]["skipped"] == "iterations are recorded on a GPU only"
    assert not found["failed"]


def test_two_loops_step_in_turn() -> None:
    done: list[str] = []
    steps = {"a": lambda: done.append("a"), "b": lambda: done.append("b")}
    seconds = alternate(steps, 2, 3, lambda: done.append("|"))
    assert "".join(done) == "aaa|bbb|aaa|bbb|"
    assert [len(each) for each in seconds.values()] == [2, 2]


def test_the_ratio_is_the_median_of_the_rounds() -> None:
    figures = ratio_of([8.0, 6.0, 30.0], [2.0, 2.0, 3.0])
    assert figures == {"ratio": pytest.approx(4.0), "ratio_range": [3.0, 10.0]}
