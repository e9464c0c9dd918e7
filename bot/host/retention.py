"""The daily task that deletes pictures after the retention time."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
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

Ours = Callable[[str], bool]
"""Whether this process would know of the server with that id; others know of the rest."""


class Retention:
    """The daily task. Of the host's and the server's retention times, the shorter one counts."""

    def __init__(
        self,
        store: Store,
        settings: PrivacySettings,
        server_days: ServerDays,
        servers: Servers,
        ours: Ours = lambda guild_id: True,
    ) -> None:
        self._store = store
        self._settings = settings
        self._server_days = server_days
        self._servers = servers
        self._ours = ours
        self._looked = -math.inf  # for servers that the bot left, by time.monotonic()
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
        store = self._store
        await self._forget_departed()
        removed = await store.retention.expire(self.days_of, await self.days_of(None))
        swept = await store.retention.sweep()
        await store.set_meta(LAST_RUN, str(now_ms()))
        log.info("Retention: deleted expired jobs: %d, orphaned files: %d", removed, swept)
        return removed

    async def _forget_departed(self) -> None:
        """Of this process's servers: it does not see those of other processes' shards."""
        present = self._servers()
        if present is not None:
            gone = await self._store.guilds.forget_departed(present, now_ms(), self._ours)
            log.info("Deleted the data of servers that the bot left long ago: %d", gone)
            self._looked = time.monotonic()

    async def run_if_due(self) -> bool:
        """Do what is due, unless another process does it; return whether pictures were deleted."""
        async with self._store.claims.hold("retention") as mine:
            last = await self._store.get_meta(LAST_RUN)
            due = last is None or not 0 <= now_ms() - int(last) < DAY_MS
            if mine and due:
                await self.run()
        if time.monotonic() - self._looked > DAY_MS / 1000:
            await self._forget_departed()
        return mine and due

    async def _work(self) -> None:
        await asyncio.sleep(FIRST_SECONDS)
        while True:
            with Caught("the retention"):
                await self.run_if_due()
            await asyncio.sleep(AGAIN_SECONDS)
