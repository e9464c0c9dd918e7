"""Waiting times of queues for which there are formulas, to check the simulation with.

Arrivals are Poisson, times of service exponential, the oldest job is served first (Kleinrock,
Queueing Systems 1, 1975, chapter 3). Times are in units of the mean time of service.
"""

from __future__ import annotations

import math


def chance_to_wait(workers: int, load: float) -> float:
    """Erlang's C: the chance that all ``workers`` are busy; ``load`` is the busy share, 0 to 1."""
    offered = workers * load
    # Erlang's B by its recursion, in which no number grows as powers and factorials do.
    blocked = 1.0
    for number in range(1, workers + 1):
        blocked = offered * blocked / (number + offered * blocked)
    return blocked / (1 - load * (1 - blocked))


def mean_wait(workers: int, load: float) -> float:
    """The mean wait of all jobs, in mean times of service. Needs ``load`` below 1."""
    return chance_to_wait(workers, load) / (workers * (1 - load))


def wait_quantile(workers: int, load: float, share: float) -> float:
    """The wait that ``share`` of all jobs do not exceed, in mean times of service."""
    waiting = chance_to_wait(workers, load)
    if share <= 1 - waiting:
        return 0.0
    return math.log(waiting / (1 - share)) / (workers * (1 - load))
