"""A stage logs, saves, stops, and continues from what it saved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.errors import CheckpointError
from training.common.stage import resume, run_stage, steps_done


class Counter:
    """A trainer whose only weight is the number of its steps."""

    def __init__(self) -> None:
        self.iteration = 0

    def step(self) -> dict[str, float]:
        self.iteration += 1
        return {"loss": float(self.iteration)}

    def state_dict(self) -> dict[str, Any]:
        return {"iteration": self.iteration}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.iteration = state["iteration"]


def test_a_stage_logs_means_and_saves_its_state(tmp_path: Path) -> None:
    exported: list[int] = []
    trainer = Counter()
    run_stage(
        trainer,
        "count",
        tmp_path,
        minutes=1,
        steps=7,
        log_every=3,
        tell=lambda _: None,
        after_save=lambda: exported.append(steps_done("count", tmp_path)),
    )
    lines = [json.loads(line) for line in (tmp_path / "count.jsonl").read_text().splitlines()]
    assert [(line["step"], line["loss"]) for line in lines] == [(3, 2.0), (6, 5.0)]
    assert exported == [7]


def test_a_stage_continues_from_the_state_and_stops_when_time_is_up(tmp_path: Path) -> None:
    said: list[str] = []
    assert steps_done("count", tmp_path) == 0
    with pytest.raises(CheckpointError, match=r"count\.pt; train that model first"):
        resume(Counter(), "count", tmp_path)
    run_stage(Counter(), "count", tmp_path, minutes=1, steps=2, tell=said.append)
    second = Counter()
    resume(second, "count", tmp_path)
    run_stage(second, "count", tmp_path, minutes=-1, steps=9, tell=said.append)
    assert second.iteration == 2
    assert said == ["count: continuing from step 2"]


def test_of_several_processes_only_the_first_writes(tmp_path: Path) -> None:
    run_stage(Counter(), "count", tmp_path, minutes=1, steps=2, rank=1)
    assert not list(tmp_path.iterdir())
