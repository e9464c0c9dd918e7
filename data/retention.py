"""Deleting what was kept long enough: jobs by the days of their server, and orphaned files."""

from __future__ import annotations

import asyncio
import contextlib
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
_PART = 500
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
        removed = 0
        while True:
            rows = await self._database.scan(
                f"SELECT id FROM jobs WHERE {where} AND NOT {in_states(UNFINISHED)} "  # noqa: S608  constants
                "AND COALESCE(ended_at, created_at) < ? ORDER BY sequence LIMIT ?",
                *values,
                before,
                _PART,
            )
            for row in rows:
                await self._jobs.delete(row["id"])
            removed += len(rows)
            if len(rows) < _PART:
                return removed

    async def sweep(self) -> int:
        """Delete orphaned files, left by a crash between row and file; returns how many."""
        files = self._jobs.files
        removed = 0
        for folder, column in (
            (files.pictures_folder, "id FROM jobs WHERE id"),
            (files.states_folder, "id FROM jobs WHERE id"),
            (files.attachments_folder, "sha256 AS id FROM attachments WHERE sha256"),
        ):
            found = await asyncio.to_thread(_old_files, folder)
            # Some files at a time: all ids together would not fit into memory one day.
            for start in range(0, len(found), _PART):
                some = found[start : start + _PART]
                marks = ", ".join("?" * len(some))
                rows = await self._database.scan(
                    f"SELECT {column} IN ({marks})",
                    *(id for _, id in some),
                )
                known = {row["id"] for row in rows}
                parts = [path for path, _ in some if path.name.endswith(".part")]
                orphans = [(path, id) for path, id in some if id not in known and path not in parts]
                if folder == files.attachments_folder:
                    # A job that uses it again may just be written, by another process too.
                    removed += sum([await self._jobs.remove_unused(id) for _, id in orphans])
                    orphans = []
                removed += await asyncio.to_thread(_delete, parts + [path for path, _ in orphans])
        return removed


def _old_files(folder: Path) -> list[tuple[Path, str]]:
    """The files of ``folder`` that are old enough, each with the id in its name."""
    old = time.time() - _ORPHAN_MS / 1000
    found = []
    for path in folder.iterdir():
        name = _ID.fullmatch(path.name)
        with contextlib.suppress(OSError):  # deleted meanwhile
            if name is not None and path.stat().st_mtime < old:
                found.append((path, name[1]))
    return found


def _delete(paths: list[Path]) -> int:
    removed = 0
    for path in paths:
        try:
            path.unlink()
            removed += 1
        except OSError as error:  # deleted by another process, or not permitted
            log.info("The orphaned file %s could not be deleted: %s", path, error)
    return removed
