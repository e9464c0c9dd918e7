"""Doing what other processes ask of this one's jobs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from data.errors import StoreError
from data.store import Store
from engine.jobs.queue import PaintQueue
from engine.tasks import spawn

log = logging.getLogger(__name__)

# PostgreSQL tells at once; this is for what was missed, and for SQLite.
LOOK_SECONDS = 20.0


class WishWork:
    """Stops, cancels and changes jobs of the queue as their rows say.

    From :meth:`start` to :meth:`close`.
    A button can be pressed, or a message deleted, where another process is connected to Discord.
    """

    def __init__(self, store: Store, queue: PaintQueue) -> None:
        self._store = store
        self._queue = queue
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Start listening."""
        self._store.wishes.listen(lambda: self._in_background(self._look()))
        self._in_background(self._work())

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = spawn(work, "wishes")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Stop."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def look(self) -> int:
        """Do what was asked for since; return how many jobs that were. Raises StoreError."""
        done = 0
        for id, wish in await self._store.wishes.mine():
            job = self._queue.get(id)
            if job is None or job.interrupt in (wish, "cancel"):
                continue
            done += await (self._queue.stop if wish == "stop" else self._queue.cancel)(id)
        for id, steering in await self._store.wishes.steering():
            job = self._queue.get(id)
            if job is not None and steering.keys() - job.steering.keys() - job.steered:
                self._queue.take_steering(id, steering)
                done += 1
        return done

    async def _work(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self._look()

    async def _look(self) -> None:
        try:
            await self.look()
        except StoreError as error:
            log.error("Could not look for what other processes ask for: %s", error)
