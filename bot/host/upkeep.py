"""What is done for bad days while the bot works: backups, and room for pictures."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from bot.host.metrics import Metrics
from bot.host.settings import OperationsSettings
from data.errors import StoreError
from data.sqlite.backup import back_up, backups, prune
from data.store import Store
from engine.tasks import spawn

log = logging.getLogger(__name__)

FIRST_SECONDS = 60.0  # a start has other things to do
LOOK_SECONDS = 300.0


class Upkeep:
    """Goes on from :meth:`start` to :meth:`close`; what goes wrong is logged, and tried again."""

    def __init__(self, store: Store, settings: OperationsSettings, metrics: Metrics) -> None:
        self._store = store
        self._settings = settings
        self._metrics = metrics
        self._tasks: list[asyncio.Task[None]] = []
        self._full = False

    def start(self) -> None:
        """Begin."""
        self._metrics.measure()
        self._tasks = [spawn(self._again(self.back_up_when_due), "backups"),
                       spawn(self._again(self.make_room), "room for pictures")]

    async def close(self) -> None:
        """Stop. A copy being made is left to its thread, which removes what is half done."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._metrics.close()

    async def _again(self, work: Callable[[], Awaitable[object]]) -> None:
        await asyncio.sleep(FIRST_SECONDS)
        while True:
            try:
                await work()
            except StoreError as error:
                log.error("%s", error)
            # Short, whatever the schedule: a machine that slept does not notice the hours.
            await asyncio.sleep(LOOK_SECONDS)

    async def back_up_when_due(self) -> bool:
        """Copy the database if the newest copy is old enough; whether it was. Raises StoreError.

        Of two bots on one folder the second sees the first one's copy, and makes none.
        """
        if not self._settings.backup_hours:
            return False
        found = await asyncio.to_thread(backups, self._store.folder)
        if found:
            self._metrics.set("last_backup_time_seconds", found[0].made.timestamp())
            age = datetime.now(UTC) - found[0].made
            # One from the future is of a clock that was wrong.
            if timedelta() <= age < timedelta(hours=self._settings.backup_hours):
                return False
        path = await asyncio.to_thread(back_up, self._store.folder)
        self._metrics.set("last_backup_time_seconds", datetime.now(UTC).timestamp())
        removed = await asyncio.to_thread(prune, self._store.folder, self._settings.backups_kept)
        log.info("Backed up the database as %s; %d old backups removed", path.name, removed)
        return True

    async def make_room(self) -> int:
        """Remove the oldest pictures where they take too much; how many. Raises StoreError."""
        limit = round(self._settings.pictures_mb * 1_000_000)
        if not limit:
            used = await self._store.quota.used()
            self._metrics.set("pictures_bytes", used)
            return 0
        room = await self._store.quota.make_room(limit)
        self._metrics.set("pictures_bytes", room.used)
        if room.removed:
            log.info("Removed the %d oldest pictures; the others take %.1f MB", room.removed,
                     room.used / 1e6)
        full = room.used > limit
        if full and not self._full:  # once, not every five minutes
            log.warning("The pictures take %.1f MB, more than IMAGINE_PICTURES_MB allows: the rest "
                        "is kept by people, not delivered yet or unknown to the database",
                        room.used / 1e6)
        self._full = full
        return room.removed
