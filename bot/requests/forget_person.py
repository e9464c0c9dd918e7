"""Deleting a user's data: cancel their jobs, delete their messages, then everything stored."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from bot.requests.busy import BusyPeople
from bot.requests.removal import Removal
from data.jobs.stored import UNFINISHED
from data.store import Store
from engine.jobs.queue import PaintQueue

log = logging.getLogger(__name__)

# Deleting messages may take long, but the interaction's token expires after 15 minutes.
MESSAGE_SECONDS = 600.0


class Forgetting:
    """Deletes users' data, each once at a time.

    ``asked`` waits until the user's current request is queued or refused.
    """

    def __init__(
        self,
        store: Store,
        queue: PaintQueue,
        removal: Removal,
        busy: BusyPeople,
        asked: Callable[[str], Awaitable[None]],
    ) -> None:
        self._store = store
        self._queue = queue
        self._removal = removal
        self._asked = asked
        self._busy = busy

    async def forget(self, person: str) -> int:
        """Delete all data about ``person``; return how many jobs' messages are left.

        Raises BusyError, and StoreError when only part is done; a second call does the rest.
        """
        with self._busy.turn(person):
            # Requests that had passed the gates are in the queue by then, and are deleted too.
            await self._asked(person)
            await self._cancel_jobs(person)
            left = await self._delete_messages(person)
            await self._store.privacy.forget(person)
            self._busy.ended(person, "forget")
        return left

    async def _cancel_jobs(self, person: str) -> None:
        ids = [job.id for job in self._queue.overview() if job.person == person]
        for id in ids:  # cancel all at once, then wait for each to end
            await self._queue.cancel(id)
        for id in ids:
            await self._removal.end(id)
        async for job in self._store.jobs_of(person):
            await self._removal.end(job.id, unfinished=job.state in UNFINISHED)

    async def _delete_messages(self, person: str) -> int:
        """Delete the messages before the rows, which have the messages' ids."""
        left = await self._store.count_of(person)
        failed = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(MESSAGE_SECONDS):
                async for job in self._store.jobs_of(person):
                    # Other people's time-lapses of it show it too.
                    for time_lapse in await self._store.time_lapses_of(job.id):
                        await self._removal.remove(time_lapse)
                    failed += await self._removal.delete_messages(job) is not None
                    left -= 1
        if left or failed:
            log.info("Jobs whose messages could not be deleted: %d", left + failed)
        return max(0, left) + failed
