"""Forgetting a person: their jobs are called off, their messages deleted, then all that is kept."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterator

from bot.errors import BusyError
from bot.language import _
from bot.requests.removal import Removal
from data.store import Store
from engine.jobs.queue import PaintQueue

log = logging.getLogger(__name__)

# Deleting messages may take long; Discord's token for the answer lives 15 minutes.
MESSAGE_SECONDS = 600.0


class Forgetting:
    """Who is being forgotten, or told what is kept of them, just now: each once at a time.

    ``asked`` waits until what a person asks for at this moment is taken or refused.
    """

    def __init__(self, store: Store, queue: PaintQueue, removal: Removal,
                 asked: Callable[[str], Awaitable[None]]) -> None:
        self._store = store
        self._queue = queue
        self._removal = removal
        self._asked = asked
        self._busy: set[str] = set()

    def check(self, person: str) -> None:
        """Raise BusyError while it is the person's turn: nothing new is to be kept of them."""
        if person in self._busy:
            raise BusyError(_("I'm still exporting or deleting your data. Try again in a minute."))

    @contextlib.contextmanager
    def turn(self, person: str) -> Iterator[None]:
        """The person's turn; raises BusyError where it is already."""
        self.check(person)
        self._busy.add(person)
        try:
            yield
        finally:
            self._busy.discard(person)

    async def forget(self, person: str) -> int:
        """Remove all that is kept of ``person``; how many of their jobs' messages are left.

        Raises BusyError, and StoreError with part of it done: a second call does the rest.
        """
        with self.turn(person):
            # What had passed the gates when this began is in the queue then, and goes too.
            await self._asked(person)
            await self._call_off(person)
            left = await self._delete_messages(person)
            await self._store.privacy.forget(person)
        return left

    async def _call_off(self, person: str) -> None:
        ids = [job.id for job in self._queue.overview() if job.person == person]
        for id in ids:  # all at once, then one after the other to its end
            await self._queue.cancel(id)
        for id in dict.fromkeys([*ids, *(job.id for job in await self._store.jobs_of(person))]):
            await self._removal.end(id)

    async def _delete_messages(self, person: str) -> int:
        """Messages first, rows later: without their ids nobody finds the messages again."""
        jobs = await self._store.jobs_of(person)
        left = len(jobs)
        failed = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(MESSAGE_SECONDS):
                for job in jobs:
                    failed += await self._removal.delete_messages(job) is not None
                    left -= 1
        if left or failed:
            log.info("messages of %d jobs could not be deleted", left + failed)
        return left + failed
