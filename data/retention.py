"""Deleting what was kept long enough: jobs by the days of their server, and orphaned files."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from data.database import Database
from data.jobs.job_table import Jobs
from data.jobs.stored import UNFINISHED, in_states
from engine.clock import DAY_MS, now_ms

log = logging.getLogger("data.retention")

# A younger file may belong to a row that is being written.
_ORPHAN_MS = DAY_MS
_ID = re.compile(r"\.?([0-9a-f]{32}|[0-9a-f]{64})(?:\..*)?")

DaysOf = Callable[[str | None], Awaitable[int | None]]
"""How many days the jobs of a server (None: of direct messages) are kept; None is forever."""


class Retention:
    """Deletes rows and files; every method raises StoreError, with part of the work done."""

    def __init__(self, database: Database, jobs: Jobs) -> None:
        self._database = database
        self._jobs = jobs

    async def expire(self, days_of: DaysOf, host_days: int | None) -> int:
        """Delete jobs that ended too long ago, with their files; returns how many.

        ``host_days`` is for the moderators' logs. Expired bans and limits are deleted too.
        """
        now = now_ms()
        removed = 0
        places = await self._database.scan("SELECT DISTINCT guild_id FROM jobs")
        for place in places:
            days = await days_of(place["guild_id"])
            if days is not None:
                removed += await self._expire_in(place["guild_id"], now - days * DAY_MS)
        await self._database.change("DELETE FROM restrictions WHERE expires_at <= ?", now)
        if host_days is not None:
            for table in ("moderation_log", "picture_checks"):
                await self._database.change(
                    f"DELETE FROM {table} WHERE created_at < ?",  # noqa: S608  constants
                    now - host_days * DAY_MS,
                )
        await self._database.scrub()
        return removed

    async def _expire_in(self, guild_id: str | None, before: int) -> int:
        where = "guild_id IS NULL" if guild_id is None else "guild_id = ?"
        values = [] if guild_id is None else [guild_id]
        rows = await self._database.scan(
            f"SELECT id FROM jobs WHERE {where} AND NOT {in_states(UNFINISHED)} "  # noqa: S608  constants
            "AND COALESCE(ended_at, created_at) < ?",
            *values,
            before,
        )
        for row in rows:
            await self._jobs.delete(row["id"])
        return len(rows)

    async def sweep(self) -> int:
        """Delete orphaned files, left by a crash between row and file; returns how many."""
        jobs = {row["id"] for row in await self._database.scan("SELECT id FROM jobs")}
        attached = {
            row["sha256"]
            for row in await self._database.scan("SELECT DISTINCT sha256 FROM attachments")
        }
        files = self._jobs.files
        removed = 0
        for folder, known in (
            (files.pictures_folder, jobs),
            (files.states_folder, jobs),
            (files.attachments_folder, attached),
        ):
            removed += await asyncio.to_thread(_sweep, folder, known)
        return removed


def _sweep(folder: Path, known: set[str]) -> int:
    removed = 0
    old = time.time() - _ORPHAN_MS / 1000
    for path in folder.iterdir():
        name = _ID.fullmatch(path.name)
        if name is None or (name[1] in known and not path.name.endswith(".part")):
            continue
        try:
            if path.stat().st_mtime < old:
                path.unlink()
                removed += 1
        except OSError as error:  # deleted by another process, or not permitted
            log.info("The orphaned file %s could not be deleted: %s", path, error)
    return removed
