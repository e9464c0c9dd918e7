"""Adopting the jobs of another process on the same store that died."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import Protocol

from data.errors import StoreError
from data.jobs.stored import StoredJob
from data.store import Store
from engine.jobs.job import Job
from engine.jobs.queue import PaintQueue
from engine.tasks import spawn

log = logging.getLogger(__name__)

# A dead process of this machine is noticed after this time, one elsewhere when its lease ends. With
# a server's short leases the look is twice in each, so that jobs continue elsewhere within 30 s.
LOOK_SECONDS = 20.0


class Deliveries(Protocol):
    """Shows the progress of jobs, and posts their results."""

    async def continue_with(self, jobs: Sequence[Job], untold: Sequence[StoredJob]) -> None:
        """Continue what another process left: jobs in the queue, and ends not announced yet."""


class Adoption:
    """Looks for such jobs from :meth:`start` to :meth:`close`."""

    def __init__(self, store: Store, queue: PaintQueue, deliveries: Deliveries) -> None:
        self._store = store
        self._queue = queue
        self._deliveries = deliveries
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start looking, after the queue and the deliveries took up what was there."""
        self._task = spawn(self._work(), "adoption")

    async def close(self) -> None:
        """Stop."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def adopt(self) -> int:
        """Adopt what there is, and return how many jobs; raises StoreError."""
        unfinished, untold = await self._store.adopted()
        await self._deliveries.continue_with(self._queue.adopt(unfinished), untold)
        return len(unfinished) + len(untold)

    async def _work(self) -> None:
        while True:
            half = LOOK_SECONDS if self._store.on_file else self._store.lease_seconds / 2
            await asyncio.sleep(min(LOOK_SECONDS, half))
            try:
                number = await self.adopt()
            except StoreError as error:
                log.error("Could not look for jobs of dead processes: %s", error)
                continue
            if number:
                log.warning("Another process died; its jobs continue here: %d", number)
