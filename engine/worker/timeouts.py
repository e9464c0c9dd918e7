"""How long a worker may be silent about a job before it is considered stuck."""

from __future__ import annotations

import asyncio
import statistics
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

# Times the job's own median iteration: swapping, other processes and slow disks cause pauses.
ITERATIONS = 30
MIN_SECONDS = 10.0
_REMEMBERED = 31  # iterations, odd so that the median is one of them
_GRACE_SECONDS = 0.5
_NOT_STARTED = (-1, 0.0)


class SilenceTimeout:
    """The seconds of silence after which a job's worker is stuck, from the job's own speed.

    Until the first iteration is measured it is ``silence`` seconds, which covers loading models,
    and it is never more than that. ``hangs`` is how often this job's worker was ended for
    silence: each time doubles the shortest timeout, so that a job on a slow machine finishes.
    """

    def __init__(self, silence: float, hangs: int = 0) -> None:
        self._silence = silence
        self._min_seconds = MIN_SECONDS * (1 << hangs)
        self._last = _NOT_STARTED
        self._durations: deque[float] = deque(maxlen=_REMEMBERED)

    @property
    def seconds(self) -> float:
        """How many seconds to wait for the next message."""
        if not self._durations:
            return self._silence
        median = float(statistics.median(self._durations))
        return min(self._silence, max(self._min_seconds, ITERATIONS * median))

    def stepped(self, iteration: int, seconds: float) -> None:
        """Record that ``iteration``, counted from 0, was reached after ``seconds`` of stepping."""
        last_iteration, last_seconds = self._last
        if iteration > last_iteration:
            self._durations.append((seconds - last_seconds) / (iteration - last_iteration))
        self._last = iteration, seconds

    def busy(self) -> None:
        """Allow ``silence`` seconds again: something slow, like loading a model, comes first."""
        self._durations.clear()


async def read_within(read: Callable[[], Awaitable[T]], seconds: float) -> T:
    """What ``read`` returns; raises TimeoutError if it returns nothing for ``seconds``.

    After the timeout it reads once more: if this process was suspended, the answer arrived in
    time and is still waiting.
    """
    try:
        async with asyncio.timeout(seconds):
            return await read()
    except TimeoutError:
        async with asyncio.timeout(_GRACE_SECONDS):
            return await read()
