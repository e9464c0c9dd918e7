"""The daily task that deletes pictures after the retention time."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from bot.errors import Caught
from bot.host.settings import PrivacySettings
from data.store import Store
from engine.clock import DAY_MS, now_ms
from engine.tasks import spawn

log = logging.getLogger(__name__)

LAST_RUN = "retention ran"
FIRST_SECONDS, AGAIN_SECONDS = 60.0, 3600.0

ServerDays = Callable[[str], Awaitable[int | None]]
"""How many days a server chose to have its pictures kept; None where it chose nothing."""

Servers = Callable[[], set[str] | None]
"""The ids of the servers that the bot is in; None while that is not known."""


class Retention:
    """The daily task. Of the host's and the server's retention times, the shorter one counts."""

    def __init__(
        self, store: Store, settings: PrivacySettings, server_days: ServerDays, servers: Servers
    ) -> None:
        self._store = store
        self._settings = settings
        self._server_days = server_days
        self._servers = servers
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start; each run comes a day after the last one, even across restarts."""
        self._task = spawn(self._work(), "retention")

    async def close(self) -> None:
        """Stop; the next run finishes what an interrupted one left."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def days_of(self, guild_id: str | None) -> int | None:
        """Return how many days pictures of a server, or of direct messages (None), are kept.

        None means until someone deletes them.
        """
        chosen = [self._settings.retention_days or None]
        if guild_id is not None:
            chosen.append(await self._server_days(guild_id) or None)
        return min((days for days in chosen if days is not None), default=None)

    async def run(self) -> int:
        """Delete what is due, record the run, and return the number of deleted jobs."""
        store, present = self._store, self._servers()
        if present is not None:
            gone = await store.guilds.forget_departed(present, now_ms())
            log.info("Deleted the data of servers that the bot left long ago: %d", gone)
        removed = await store.retention.expire(self.days_of, await self.days_of(None))
        swept = await store.retention.sweep()
        await store.set_meta(LAST_RUN, str(now_ms()))
        log.info("Retention: deleted expired jobs: %d, orphaned files: %d", removed, swept)
        return removed

    async def _work(self) -> None:
        await asyncio.sleep(FIRST_SECONDS)
        while True:
            with Caught("the retention"):
                last = await self._store.get_meta(LAST_RUN)
                now = now_ms()
                if last is None or not 0 <= now - int(last) < DAY_MS:
                    await self.run()
            await asyncio.sleep(AGAIN_SECONDS)
