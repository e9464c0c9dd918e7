"""The suite's units and their order; the runs themselves are pytest-xdist's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.spread import SECONDS, LongestFirst, unit_of

ROOT = Path(__file__).resolve().parents[1]
FILES = [str(file.relative_to(ROOT)) for file in sorted((ROOT / "tests").rglob("test_*.py"))]


class Process:
    """A process of pytest-xdist that notes which tests it gets."""

    def __init__(self, name: str) -> None:
        self.gateway = SimpleNamespace(id=name)
        self.shutting_down = False
        self.got: list[int] = []

    def send_runtest_some(self, indices: Sequence[int]) -> None:
        self.got += indices

    def shutdown(self) -> None:
        self.shutting_down = True


def test_every_named_unit_exists() -> None:
    assert set(SECONDS) <= {unit_of(file) for file in FILES}


def test_two_processes_run_everything_once_the_longest_first() -> None:
    config: Any = SimpleNamespace(
        option=SimpleNamespace(loadscopereorder=True, numprocesses=2),
        getvalue=lambda name: ["2*popen"],
    )
    tests = [f"{file}::test_{number}" for file in FILES for number in range(5)]
    scheduler = LongestFirst(config)
    processes: list[Any] = [Process("one"), Process("two")]
    for process in processes:
        scheduler.add_node(process)
        scheduler.add_node_collection(process, tests)
    scheduler.schedule()
    assert {unit_of(tests[process.got[0]].split("::")[0]) for process in processes} == set(
        sorted(SECONDS, key=lambda unit: -SECONDS[unit])[:2]
    )
    order: list[str] = []
    done = dict.fromkeys(range(2), 0)
    while any(done[i] < len(processes[i].got) for i in done):
        for i in done:
            if done[i] < len(processes[i].got):
                index = processes[i].got[done[i]]
                done[i] += 1
                order.append(tests[index])
                scheduler.mark_test_complete(processes[i], index)
    assert sorted(order) == sorted(tests)
    assert all(process.shutting_down for process in processes)
    for process in processes:
        units = [unit_of(tests[index].split("::")[0]) for index in process.got]
        first = [SECONDS.get(unit, 0) for unit in dict.fromkeys(units)]
        assert first == sorted(first, reverse=True)
