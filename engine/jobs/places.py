"""Who is where in the queue, and how long that takes."""

from __future__ import annotations

import time

from engine.events import Progress, Queued
from engine.jobs.eta import EtaEstimator, finish_times
from engine.jobs.job import Job
from engine.jobs.line import Line
from engine.jobs.placing import Placing

_REFRESH_SECONDS = 5.0


class Places:
    """The jobs that ``placing`` paints, those that wait in ``line``, and their times left."""

    def __init__(self, line: Line, placing: Placing, estimator: EtaEstimator) -> None:
        self._line = line
        self._placing = placing
        self._estimator = estimator
        self._refreshed = 0.0

    def mine(self) -> list[Job]:
        """The running jobs of this process, then its waiting ones in their order."""
        return [*self._placing.running, *self._line.own()]

    def _running(self) -> list[Job]:
        return [*self._placing.running, *self._line.running_elsewhere()]

    def positions(self) -> list[tuple[int, Job]]:
        """All processes' jobs, each with 1 plus the number that must end before it starts.

        First the running ones, then the waiting ones in their order. So if one job is painted at a
        time, its position is its place in this list, from 1.
        """
        running = self._running()
        free_early = max(1, self._placing.slots + self._line.slots) - 1
        return [
            (1 if place <= len(running) else max(1, place - free_early), job)
            for place, job in enumerate([*running, *self._line], 1)
        ]

    def maybe_refresh(self) -> None:
        """:meth:`refresh`, unless that was done a moment ago."""
        if time.monotonic() - self._refreshed >= _REFRESH_SECONDS:
            self.refresh()

    def refresh(self) -> None:
        """Publish the position and time of each waiting job, if they have changed."""
        self._refreshed = time.monotonic()
        jobs, running = self.positions(), len(self._running())
        left = [self._estimator.seconds_left(job) for _, job in jobs]
        elsewhere = map(self._estimator.seconds_left, self._line.running_elsewhere())
        times = finish_times(
            [*self._placing.loads(), *elsewhere],
            left[running:],
            max(1, self._placing.devices + self._line.devices),
        )
        for (position, job), eta in zip(jobs, [*left[:running], *times], strict=True):
            job.eta = eta
            if isinstance(job.latest, Progress) or job.elsewhere:
                continue
            event = Queued(position, eta)
            if job.latest != event:
                job.publish(event)
