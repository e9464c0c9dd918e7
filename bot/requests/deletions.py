"""Messages of the bot that somebody deleted in Discord: its job ends, or its picture is removed.

Discord tells of a deletion only while the bot is connected. What was deleted meanwhile is found
with few requests: the newest pictures are looked at slowly after each connection, others when
somebody uses them again, and a progress message when it is edited.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime

import aiohttp
import discord

from bot.errors import UNKNOWN_MESSAGE, Caught, GoneError
from bot.host.logs import about_job
from bot.language import _
from bot.requests.channels import Channels, channel_of
from bot.requests.removed import REMOVED, check_not_removed
from data.jobs.messages import JobMessage
from data.jobs.stored import StoredJob
from data.store import Store
from engine.clock import DAY_MS, now_ms
from engine.jobs.queue import PaintQueue

log = logging.getLogger(__name__)

# After a connection: at most so many messages of so many days, one a second, once the bot has
# taken up its work.
SWEPT, SWEPT_DAYS = 200, 7
WAIT_SECONDS, PAUSE_SECONDS = 60.0, 1.0
_LOOK_SECONDS = 5.0


class Deletions:
    """Notices deleted messages, and looks for those that Discord did not tell about."""

    def __init__(
        self, store: Store, queue: PaintQueue, client: Channels, hears: Callable[[str], bool]
    ) -> None:
        self._store = store
        self._queue = queue
        self._client = client
        self._hears = hears  # whether Discord tells this process about a server
        self._since: datetime | None = None  # from then on, Discord tells
        self._looked: set[str] = set()  # messages that were there after that
        self._sweeping: asyncio.Task[None] | None = None
        # Called with the id of each job whose result was deleted.
        self.watchers: list[Callable[[str], Awaitable[None]]] = []

    async def note(self, channel_id: int | str, message_ids: Iterable[int | str]) -> None:
        """Cancel the jobs of deleted progress messages, and mark pictures of results as removed.

        Messages that are about no job are ignored. Raises StoreError.
        """
        ids = [str(id) for id in message_ids]
        for message in await self._store.messages.deleted(str(channel_id), ids):
            with about_job(message.job_id):
                log.info("Its %s message was deleted", message.kind)
                if message.kind == "result":
                    for watcher in self.watchers:
                        await watcher(message.job_id)
                # A progress message is also deleted once its job has ended.
                if message.kind == "progress" and await self._cancel(message.job_id):
                    log.info("Cancelled, because its progress message was deleted")

    async def _cancel(self, job_id: str) -> bool:
        """Cancel a job, and those of its grid; return whether one of them was not over."""
        job = await self._store.job(job_id)
        ids = [job_id]
        if job is not None:
            ids = [each.id for each in await self._store.with_grid(job)]
        return any([await self._queue.cancel(id) for id in ids])

    async def check(self, job: StoredJob, seen: discord.Message | None) -> None:
        """Raise GoneError if the message with the job's picture was deleted.

        Nothing is asked of Discord if that is the message that the user was ``seen`` to use. Raises
        StoreError.
        """
        check_not_removed(job)
        message = (await self._store.messages.results_of([job.id])).get(job.id)
        if message is None or (seen is not None and message.message_id == str(seen.id)):
            return
        if not await self.is_there(message):
            raise GoneError(_(REMOVED))

    async def is_there(self, message: JobMessage) -> bool:
        """Whether a message is still there; if not, that is noted. Raises StoreError.

        It counts as there if that cannot be found out. Only the bot can delete its messages in
        direct messages.
        """
        if message.guild_id is None or message.message_id in self._looked or self._is_told(message):
            return True
        channel = channel_of(self._client, message.channel_id, message.guild_id)
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                await channel.fetch_message(int(message.message_id))
        except discord.HTTPException as error:
            if error.code == UNKNOWN_MESSAGE:
                await self.note(message.channel_id, [message.message_id])
                return False
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.info("Could not look for a message: %s", error)
            return True
        self._looked.add(message.message_id)
        return True

    def _is_told(self, message: JobMessage) -> bool:
        """Whether the message is of this session, in which Discord tells of deletions."""
        if self._since is None or message.guild_id is None or not self._hears(message.guild_id):
            return False
        return discord.utils.snowflake_time(int(message.message_id)) > self._since

    def connected(self) -> None:
        """Look for what was deleted before this session began, in the background."""
        self._since = discord.utils.utcnow()
        self._looked.clear()
        if self._sweeping is None or self._sweeping.done():
            self._sweeping = asyncio.create_task(self._sweep(), name="looking for deletions")

    async def _sweep(self) -> None:
        await asyncio.sleep(WAIT_SECONDS)
        with Caught("looking for deleted messages"):
            since = now_ms() - SWEPT_DAYS * DAY_MS
            for message in await self._store.messages.results_since(since, SWEPT):
                if message.guild_id is None or not self._hears(message.guild_id):
                    continue
                await self.is_there(message)
                await asyncio.sleep(PAUSE_SECONDS)

    async def close(self) -> None:
        """Stop looking."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            await asyncio.gather(self._sweeping, return_exceptions=True)
