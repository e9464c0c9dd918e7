"""How long a worker may be silent about a job before it is taken for hung."""

from __future__ import annotations

import asyncio
import statistics
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

# So many times the job's own median iteration: a swap, a neighbour, a slow disk are no hang.
ITERATIONS = 30
LEAST_SECONDS = 10.0
_REMEMBERED = 31
_GRACE_SECONDS = 0.5
_BEFORE = (-1, 0.0)


class Patience:
    """Learns a job's pace from what its worker says; ``seconds`` is how long to wait for more.

    Before the first iterations are known it is ``silence``, which covers the loading of models.
    ``hangs`` is how often this job's worker has been ended for silence: each time it is given
    twice as long, so that a machine that is merely slow gets there.
    """

    def __init__(self, silence: float, hangs: int = 0) -> None:
        self._silence = silence
        self._least = LEAST_SECONDS * (1 << hangs)
        self._last = _BEFORE
        self._paces: deque[float] = deque(maxlen=_REMEMBERED)

    @property
    def seconds(self) -> float:
        """Seconds of silence after which the worker hangs."""
        if not self._paces:
            return self._silence
        median = float(statistics.median(self._paces))
        return min(self._silence, max(self._least, ITERATIONS * median))

    def stepped(self, iteration: int, seconds: float) -> None:
        """``iteration`` (the first is 0) is done, after ``seconds`` of stepping in all."""
        before, earlier = self._last
        if iteration > before:
            self._paces.append((seconds - earlier) / (iteration - before))
        self._last = iteration, seconds

    def busy(self) -> None:
        """It does something that takes its time, as loading a model, before the next iteration."""
        self._paces.clear()


async def patiently(read: Callable[[], Awaitable[T]], seconds: float) -> T:
    """What ``read`` gives; raises TimeoutError where that is nothing within ``seconds``.

    What lay there all the time counts: it may be this process that stood still.
    """
    try:
        async with asyncio.timeout(seconds):
            return await read()
    except TimeoutError:
        async with asyncio.timeout(_GRACE_SECONDS):
            return await read()
