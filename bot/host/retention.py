"""Once a day, what has been kept long enough is removed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from bot.errors import Caught
from data.departed import forget_departed
from data.retention import expire, sweep
from engine.clock import DAY_MS, now_ms
from engine.tasks import spawn

if TYPE_CHECKING:
    from bot.client import ImageBot

log = logging.getLogger(__name__)

LAST_RUN = "retention ran"
FIRST_SECONDS, AGAIN_SECONDS = 60.0, 3600.0

ServerDays = Callable[[str], Awaitable[int | None]]


async def _no_choice(guild_id: str) -> int | None:
    return None


class Retention:
    """The daily task.

    ``server_days`` says how many days a server chose to have its pictures kept, None where it
    chose nothing; whoever keeps the servers' settings puts theirs here. The fewer days of the
    host's and the server's count.
    """

    def __init__(self, bot: ImageBot) -> None:
        self.bot = bot
        self.server_days: ServerDays = _no_choice
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; the first run comes a day after the last one, before a restart or not."""
        self._task = spawn(self._work(), "retention")

    async def close(self) -> None:
        """End; what a run has not done yet, the next one does."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def days_of(self, guild_id: str | None) -> int | None:
        """How many days pictures of a server, or with None of direct messages, are kept.

        None means until somebody deletes them.
        """
        chosen = [self.bot.settings.privacy.retention_days or None]
        if guild_id is not None:
            chosen.append(await self.server_days(guild_id) or None)
        return min((days for days in chosen if days is not None), default=None)

    async def run(self) -> int:
        """Remove what is due, and note that it was done; how many jobs went."""
        store = self.bot.store
        if self.bot.is_ready():  # else it is not known yet which servers it is in
            present = {str(guild.id) for guild in self.bot.guilds}
            gone = await forget_departed(store.database, present, now_ms())
            log.info("removed what %d servers had set that I left long ago", gone)
        removed = await expire(store, self.days_of, await self.days_of(None))
        swept = await sweep(store)
        await store.set_meta(LAST_RUN, str(now_ms()))
        log.info("removed %d jobs that were kept long enough, and %d files of none", removed,
                 swept)
        return removed

    async def _work(self) -> None:
        await asyncio.sleep(FIRST_SECONDS)
        while True:
            with Caught("the retention"):
                last = await self.bot.store.get_meta(LAST_RUN)
                now = now_ms()
                if last is None or not 0 <= now - int(last) < DAY_MS:
                    await self.run()
            await asyncio.sleep(AGAIN_SECONDS)
