"""Regular upkeep while the bot runs: backups, and disk space for pictures."""

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

FIRST_SECONDS = 60.0  # a starting bot has other things to do
LOOK_SECONDS = 300.0


class Upkeep:
    """Works from :meth:`start` to :meth:`close`; failures are logged and tried again."""

    def __init__(self, store: Store, settings: OperationsSettings, metrics: Metrics) -> None:
        self._store = store
        self._settings = settings
        self._metrics = metrics
        self._tasks: list[asyncio.Task[None]] = []
        self._full = False

    def start(self) -> None:
        """Start the tasks."""
        self._metrics.measure()
        self._tasks = [
            spawn(self._again(self.back_up_when_due), "backups"),
            spawn(self._again(self.make_room), "room for pictures"),
            spawn(self._check_database(), "check of the database"),
        ]

    async def close(self) -> None:
        """Stop the tasks; the thread of a running backup finishes it or cleans it up."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._metrics.close()

    async def _check_database(self) -> None:
        """Check all of it once; a start checks only as much as nobody has to wait for."""
        await asyncio.sleep(FIRST_SECONDS)
        try:
            await self._store.check_whole()
        except StoreError as error:
            log.error("%s", error)

    async def _again(self, work: Callable[[], Awaitable[object]]) -> None:
        await asyncio.sleep(FIRST_SECONDS)
        while True:
            try:
                await work()
            except StoreError as error:
                log.error("%s", error)
            # Short, because a sleep does not count the hours that the machine is suspended.
            await asyncio.sleep(LOOK_SECONDS)

    async def back_up_when_due(self) -> bool:
        """Back up the database if the newest backup is old enough; return whether it was.

        If two bots share a folder, the second one finds the first one's backup and makes none. A
        PostgreSQL server's backups are the host's.
        Raises StoreError.
        """
        if not self._settings.backup_hours or not self._store.on_file:
            return False
        found = await asyncio.to_thread(backups, self._store.folder)
        if found:
            self._metrics.set("last_backup_time_seconds", found[0].made.timestamp())
            age = datetime.now(UTC) - found[0].made
            # A backup from the future was made while the clock was wrong.
            if timedelta() <= age < timedelta(hours=self._settings.backup_hours):
                return False
        path = await asyncio.to_thread(back_up, self._store.folder)
        self._metrics.set("last_backup_time_seconds", datetime.now(UTC).timestamp())
        removed = await asyncio.to_thread(prune, self._store.folder, self._settings.backups_kept)
        log.info("Backed up the database as %s; old backups deleted: %d", path.name, removed)
        return True

    async def make_room(self) -> int:
        """Delete the oldest pictures if they take too much space; return how many.

        Of several processes on one store, one does it. Raises StoreError.
        """
        async with self._store.claims.hold("room for pictures") as mine:
            return await self._make_room() if mine else 0

    async def _make_room(self) -> int:
        await self._store.quota.limit_frames(round(self._settings.frames_mb * 1_000_000))
        limit = round(self._settings.pictures_mb * 1_000_000)
        if not limit:
            used = await self._store.quota.used()
            self._metrics.set("pictures_bytes", used)
            return 0
        room = await self._store.quota.make_room(limit)
        self._metrics.set("pictures_bytes", room.used)
        if room.removed:
            log.info(
                "Oldest pictures deleted: %d; the others take %.1f MB",
                room.removed,
                room.used / 1e6,
            )
        full = room.used > limit
        if full and not self._full:  # once, not every five minutes
            log.warning(
                "The pictures take %.1f MB, more than IMAGINE_PICTURES_MB allows; those "
                "left are kept by users, not delivered yet or unknown to the database",
                room.used / 1e6,
            )
        self._full = full
        return room.removed
