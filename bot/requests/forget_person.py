"""Forgetting a person: their jobs are called off, their messages deleted, then all that is kept."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

from bot.errors import BusyError
from bot.language import _
from bot.requests.removal import delete_messages, end_job

if TYPE_CHECKING:
    from bot.client import ImageBot

log = logging.getLogger(__name__)

# Deleting messages may take long; Discord's token for the answer lives 15 minutes.
MESSAGE_SECONDS = 600.0


class Forgetting:
    """Who is being forgotten, or told what is kept of them, just now: each once at a time."""

    def __init__(self, bot: ImageBot) -> None:
        self.bot = bot
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
            await self.bot.asked(person)
            await self._call_off(person)
            left = await self._delete_messages(person)
            await self.bot.store.privacy.forget(person)
        return left

    async def _call_off(self, person: str) -> None:
        ids = [job.id for job in self.bot.queue.overview() if job.person == person]
        for id in ids:  # all at once, then one after the other to its end
            await self.bot.queue.cancel(id)
        for id in dict.fromkeys([*ids, *(job.id for job in await self.bot.store.jobs_of(person))]):
            await end_job(self.bot, id)

    async def _delete_messages(self, person: str) -> int:
        """Messages first, rows later: without their ids nobody finds the messages again."""
        jobs = await self.bot.store.jobs_of(person)
        left = len(jobs)
        failed = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(MESSAGE_SECONDS):
                for job in jobs:
                    failed += await delete_messages(self.bot, job) is not None
                    left -= 1
        if left or failed:
            log.info("messages of %d jobs could not be deleted", left + failed)
        return left + failed
