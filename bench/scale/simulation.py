"""The queue in virtual time: the real order and the real choice of workers, no painting.

``Line`` and ``Placing`` of engine.jobs decide, as they do in the bot; simpy counts the seconds.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from statistics import quantiles
from typing import Any

import simpy

from bench.scale.arrivals import Arrival
from engine.jobs.eta import EtaEstimator
from engine.jobs.job import Job, JobRecord, Place
from engine.jobs.line import Line
from engine.jobs.placing import Placing
from engine.jobs.workers import Condition
from engine.request.request import ImageRequest, make_request

Service = Callable[[random.Random], float]
"""Draws how many seconds a job keeps its worker."""
_PLACE = Place(None, "1")


def exponential(mean: float) -> Service:
    """Times of service with that mean, as in the formulas."""
    return lambda rng: rng.expovariate(1 / mean)


def like(measured: Sequence[float]) -> Service:
    """Times of service that were measured, each as likely as the others."""
    return lambda rng: rng.choice(measured)


def in_order(measured: Sequence[float]) -> Service:
    """Times of service that were measured, for the jobs in the order in which they start."""
    left = iter(measured)
    return lambda rng: next(left)


@dataclass(frozen=True)
class Waited:
    """A job that started: who asked, when, how long it waited, and when it ended (or will)."""

    person: str
    asked: float
    wait: float
    ended: float


@dataclass(frozen=True)
class Outcome:
    """What happened in ``seconds`` of arrivals with ``workers``; jobs that were left then ended."""

    workers: int
    seconds: float
    busy: float
    jobs: Sequence[Waited] = field(repr=False)

    @property
    def throughput(self) -> float:
        """Jobs a second that ended, from the first request to the last ending."""
        return len(self.jobs) / max((job.ended for job in self.jobs), default=1.0)

    @property
    def utilisation(self) -> float:
        """The share of the workers' time that they painted, until the last job ended."""
        end = max((job.ended for job in self.jobs), default=1.0)
        return self.busy / (self.workers * end)

    def wait(self, share: float) -> float:
        """The seconds of waiting that ``share`` of the jobs do not exceed."""
        return quantile([job.wait for job in self.jobs], share)

    @property
    def mean_wait(self) -> float:
        """The mean seconds of waiting."""
        return sum(job.wait for job in self.jobs) / max(1, len(self.jobs))


def quantile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` of ``values`` do not exceed."""
    if len(values) < 2:
        return values[0] if values else 0.0
    return quantiles(values, n=1000, method="inclusive")[round(share * 1000) - 1]


class SimulatedWorker:
    """What Placing looks at; it paints one job at a time, and has its model loaded."""

    condition: Condition = "ready"
    slots = 1

    def free_slots(self, request: ImageRequest, running: Sequence[ImageRequest]) -> int:
        """One while it paints nothing."""
        return 1 - len(running)

    def load_seconds(self, model: str) -> float:
        """It is loaded."""
        return 0.0


def simulate(
    asked: Sequence[Arrival], workers: int, service: Service, rng: random.Random
) -> Outcome:
    """Serve all requests of ``asked`` by so many workers."""
    return _Simulation(asked, workers, service, rng).run()


class _Simulation:
    def __init__(
        self, asked: Sequence[Arrival], workers: int, service: Service, rng: random.Random
    ) -> None:
        self._asked = asked
        self._service = service
        self._rng = rng
        self._environment = simpy.Environment()
        estimator = EtaEstimator()
        self._line = Line(estimator)
        self._placing = Placing(estimator, clock=lambda: self._environment.now)
        found: list[Any] = [SimulatedWorker() for _ in range(workers)]
        self._placing.workers += found
        self._request = make_request("a fox", seed=0)
        self._since: dict[Job, float] = {}
        self._waited: list[Waited] = []
        self._busy = 0.0

    def run(self) -> Outcome:
        self._environment.process(self._arrive())
        self._environment.run()
        last = self._asked[-1].time if self._asked else 0.0
        return Outcome(len(self._placing.workers), last, self._busy, self._waited)

    def _arrive(self) -> Generator[simpy.Event, None, None]:
        for each in self._asked:
            yield self._environment.timeout(max(0.0, each.time - self._environment.now))
            job = Job(JobRecord(uuid.uuid4().hex, self._request, each.person, _PLACE))
            self._since[job] = self._environment.now
            self._line.push(job)
            self._start_jobs()

    def _start_jobs(self) -> None:
        """What Dispatcher does each time a job came or a worker became free."""
        while (job := self._line.peek()) is not None:
            if self._placing.place(job) is None:
                return
            self._line.pop()
            self._environment.process(self._paint(job))
        self._placing.nothing_waits()

    def _paint(self, job: Job) -> Generator[simpy.Event, None, None]:
        asked, now = self._since.pop(job), self._environment.now
        seconds = self._service(self._rng)
        self._busy += seconds
        self._waited.append(Waited(job.person, asked, now - asked, now + seconds))
        yield self._environment.timeout(seconds)
        del self._placing.running[job]
        self._start_jobs()
