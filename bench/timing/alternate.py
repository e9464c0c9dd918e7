"""Times two loops in turn, so that a machine that gets slower slows both."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any


def alternate(
    steps: Mapping[str, Callable[[], object]],
    rounds: int,
    iterations: int,
    wait: Callable[[], None] = lambda: None,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Seconds of an iteration of each loop in each round; both must be warm.

    ``wait`` is called at the end of each loop's turn, before its time is read by ``clock``.
    """
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name, step in steps.items():
            began = clock()
            for _ in range(iterations):
                step()
            wait()
            seconds[name].append((clock() - began) / iterations)
    return seconds


def ratio_of(slow: list[float], fast: list[float]) -> dict[str, Any]:
    """How many times as long ``slow`` takes: the median of the rounds, and their range."""
    ratios = [a / b for a, b in zip(slow, fast, strict=True)]
    return {
        "ratio": round(statistics.median(ratios), 3),
        "ratio_range": [round(min(ratios), 3), round(max(ratios), 3)],
    }
