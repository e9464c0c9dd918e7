"""Trying again while what the store needs over a network cannot be reached."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from engine.errors import UnavailableError

log = logging.getLogger("engine.queue")

T = TypeVar("T")

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0


class Patience:
    """Tries until it works, or until the queue closes: then the job continues after the restart.

    So a finished picture waits in memory, and its worker with it, instead of being lost; no more
    are painted meanwhile than there are workers.
    """

    def __init__(self) -> None:
        self._closed = asyncio.Event()

    def close(self) -> None:
        """Let those that wait raise UnavailableError."""
        self._closed.set()

    async def until_done(self, work: Callable[[], Awaitable[T]], job_id: str) -> T:
        """What ``work`` returns; raises UnavailableError only once this is closed."""
        pause = FIRST_PAUSE
        while True:
            try:
                return await work()
            except UnavailableError as error:
                if self._closed.is_set():
                    raise
                log.warning("%s Trying again in %.0f s", error, pause, extra={"job": job_id})
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._closed.wait()
            pause = min(2 * pause, LONGEST_PAUSE)
