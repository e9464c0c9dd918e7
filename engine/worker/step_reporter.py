"""How far a job is, reported about every second."""

from __future__ import annotations

import time
from collections import deque

from engine.painting.iterate import Iterate
from engine.worker.messages import Stepped
from engine.worker.worker_job import Send

_STEPPED_EVERY = 1.0  # seconds
_REMEMBERED = 50  # iterations for the time that is left


class StepReporter:
    """Sends Stepped about every second, and knows the job's speed.

    Others' iterations in between count: they are time in which the job does not get on.
    """

    def __init__(self, id: str, send: Send) -> None:
        self._id = id
        self._send = send
        self._sent = -float("inf")
        self._began = time.monotonic()
        self._base: float | None = None
        self._newest: deque[tuple[float, int]] = deque(maxlen=_REMEMBERED)

    def begin(self) -> None:
        """Note that the first iteration begins, or that it waits for its turn."""
        self._began = time.monotonic()

    def stepped(self, iterate: Iterate, *, now: bool = False) -> None:
        """Report ``iterate``, at once if ``now``, else if the last report is a second old."""
        moment = time.monotonic()
        self._newest.append((moment, iterate.iteration))
        if self._base is None:  # as if all those before had taken as long
            self._base = iterate.iteration * (moment - self._began)
        if now or moment - self._sent >= _STEPPED_EVERY:
            self._sent = moment
            seconds = self._base + moment - self._began
            self._send(Stepped(self._id, iterate.iteration, seconds))

    def seconds_each(self, iterate: Iterate) -> float:
        """Seconds from one of the job's iterations to the next, of late."""
        (before, first), (now, last) = self._newest[0], self._newest[-1]
        if last > first:
            return (now - before) / (last - first)
        # Seconds were measured up to this iterate; the first iterate is number 0.
        return iterate.seconds / (iterate.iteration + 1)
