"""What the queue's own order costs: CPU time for each job that starts."""

from __future__ import annotations

import random
import time
import uuid
from typing import Any

from bench.scale.simulation import SimulatedWorker
from engine.jobs.eta import EtaEstimator, finish_times
from engine.jobs.job import Job, JobRecord, Place
from engine.jobs.line import Line
from engine.jobs.placing import Placing
from engine.request.request import make_request

_ROUNDS = 20
_PLACE = Place(None, "1")


def queue_costs(sizes: tuple[int, ...] = (100, 1000, 10_000)) -> dict[str, dict[str, float]]:
    """Milliseconds of CPU for each start, by the number of waiting jobs, and of workers.

    ``waiting`` is choosing the next job and telling all others their place and time left;
    ``workers`` is choosing one of so many, all of which paint but one.
    """
    return {
        "waiting": {str(size): _order(size) for size in sizes},
        "workers": {str(size): _choice(size) for size in sizes},
    }


def _job(person: str) -> Job:
    return Job(JobRecord(uuid.uuid4().hex, make_request("a fox", seed=0), person, _PLACE))


def _order(waiting: int) -> float:
    estimator, rng = EtaEstimator(), random.Random(0)
    line = Line(estimator)
    for _ in range(waiting):
        line.push(_job(f"person {int(rng.paretovariate(1.2))}"))
    new = [_job("new") for _ in range(_ROUNDS)]
    before = time.process_time()
    for job in new:
        line.peek()
        line.pop()
        line.push(job)
        finish_times([], [estimator.seconds_left(each) for each in line], 1)
    return round((time.process_time() - before) / _ROUNDS * 1000, 3)


def _choice(workers: int) -> float:
    placing = Placing(EtaEstimator())
    found: list[Any] = [SimulatedWorker() for _ in range(workers)]
    placing.workers += found
    for worker in found[1:]:
        placing.running[_job("ann")] = worker
    new = [_job("new") for _ in range(_ROUNDS)]
    before = time.process_time()
    for job in new:
        placing.place(job)
        del placing.running[job]
    return round((time.process_time() - before) / _ROUNDS * 1000, 3)
