"""Deleting a job completely: from the queue, the channel and the disk."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Protocol

import aiohttp
import discord

from bot.errors import DELETED, NO_ACCESS, report
from bot.language import _
from bot.requests.channels import ChannelsAndUsers, channel_of
from data.jobs.messages import JobMessage
from data.jobs.stored import UNFINISHED, StoredJob
from data.store import Store
from engine.events import Event
from engine.jobs.queue import PaintQueue

log = logging.getLogger(__name__)

# A worker stops within an iteration; do not wait for one that hangs.
ENDING_SECONDS, POSTING_SECONDS = 60.0, 10.0
# Another process does so as soon as it is told, on SQLite within 20 s.
ELSEWHERE_SECONDS, _LOOK_SECONDS = 25.0, 0.2
_UNKNOWN_CHANNEL = 10003


class Deliveries(Protocol):
    """What is being posted about jobs now."""

    async def next_event(self, events: AsyncIterator[Event]) -> Event | None:
        """Return a job's next event, however long it takes; None if there are no more."""

    async def stop_posting(self, job_id: str, seconds: float) -> None:
        """Wait up to ``seconds`` for a job's posting, then end it."""


class Removal:
    """Ends jobs and deletes their data, here and in Discord."""

    def __init__(
        self, store: Store, queue: PaintQueue, deliveries: Deliveries, client: ChannelsAndUsers
    ) -> None:
        self._store = store
        self._queue = queue
        self._deliveries = deliveries
        self._client = client

    async def end(self, job_id: str, *, unfinished: bool = True) -> None:
        """Cancel a job, and wait until nothing of it is painted, written or posted any more.

        Also if another process works on it, if it is ``unfinished`` in the store.
        """
        job = self._queue.get(job_id)
        if job is None and unfinished and await self._queue.cancel(job_id):
            await self._end_elsewhere(job_id)
        elif job is not None:
            await self._queue.cancel(job_id)
            events = aiter(job)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ENDING_SECONDS):
                    while await self._deliveries.next_event(events) is not None:
                        pass
            if job.closed and self._queue.get(job_id) is None:  # another process took it
                await self._end_elsewhere(job_id)
        await self._deliveries.stop_posting(job_id, POSTING_SECONDS)

    async def _end_elsewhere(self, job_id: str) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ELSEWHERE_SECONDS):
                while (job := await self._store.job(job_id)) is not None:
                    if job.state not in UNFINISHED:
                        return
                    await asyncio.sleep(_LOOK_SECONDS)

    async def delete_messages(self, job: StoredJob) -> str | None:
        """Delete the job's messages; return why one of them is left, or None.

        Those of a grid go with each of its pictures; the other pictures stay.
        """
        why = None
        if job.grid is not None:
            await self._store.messages.forget_others(job.id)
        for message in await self._store.messages.about(job.id):
            why = await self._delete(message, job.person) or why
        return why

    async def remove(self, job: StoredJob) -> str:
        """Do :meth:`take_away`, and return the answer for the user. Raises StoreError."""
        why = await self.take_away(job)
        if why is None:
            return _("Deleted.")
        return _("Deleted, but I couldn't delete its message: {why}", why=why)

    async def take_away(self, job: StoredJob) -> str | None:
        """End a job, and delete its messages, row and files; return why a message is left, or None.

        Its time-lapses go with it, wherever they were posted. Raises StoreError.
        """
        await self.end(job.id, unfinished=job.state in UNFINISHED)
        for time_lapse in await self._store.time_lapses_of(job.id):
            await self.take_away(time_lapse)
        why = await self.delete_messages(job)
        await self._store.delete(job.id)
        return why

    async def _delete(self, message: JobMessage, person: str) -> str | None:
        channel = channel_of(self._client, message.channel_id, message.guild_id)
        try:
            await channel.get_partial_message(int(message.message_id)).delete()
        except discord.HTTPException as error:
            if (
                error.code in (_UNKNOWN_CHANNEL, *NO_ACCESS)
                and message.guild_id is not None
                and (await self._delete_directly(person, int(message.message_id)))
            ):
                return None
            return None if error.code in DELETED else report(error, "deleting a message")
        except (aiohttp.ClientError, TimeoutError) as error:
            return report(error, "deleting a message")
        return None

    async def _delete_directly(self, person: str, message_id: int) -> bool:
        """Delete a result in the user's direct messages; return whether it was there.

        Earlier versions did not write down that it is there.
        """
        try:
            user = await self._client.fetch_user(int(person))
            direct = await user.create_dm()
            await direct.get_partial_message(message_id).delete()
        except (discord.HTTPException, aiohttp.ClientError, TimeoutError) as error:
            log.info("It is not in the user's direct messages either: %s", error)
            return False
        return True
