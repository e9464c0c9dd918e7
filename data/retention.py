"""Deleting what was kept long enough: jobs by the days of their server, and orphaned files."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Awaitable, Callable

from data.database import Database
from data.errors import StoreError
from data.jobs.job_table import Jobs
from data.jobs.stored import UNFINISHED, in_states
from data.pictures.base import Found, Pictures
from data.pictures.folder import FolderPictures
from engine.clock import DAY_MS, now_ms
from engine.errors import UnavailableError

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
        pictures, states = self._jobs.pictures, FolderPictures(self._jobs.files.folder)
        removed = await self._thin_out_copies() if pictures.shared else 0
        for place, kind, column in (
            (pictures, "pictures", "id FROM jobs WHERE id"),
            (states, "states", "id FROM jobs WHERE id"),
            *([(pictures, "states", "id FROM jobs WHERE id")] if pictures.shared else []),
            (pictures, "attachments", "sha256 AS id FROM attachments WHERE sha256"),
        ):
            async for found in place.found(kind):
                old = _old(found)
                # Some files at a time: all ids together would not fit into memory one day.
                for start in range(0, len(old), _PART):
                    removed += await self._sweep(place, kind, column, old[start : start + _PART])
        return removed

    async def _thin_out_copies(self) -> int:
        found = [each async for part in self._jobs.pictures.found("states") for each in part]
        return await self._jobs.states.thin_out(found)

    async def _sweep(
        self, place: Pictures, kind: str, column: str, files: list[tuple[str, str]]
    ) -> int:
        """Delete those of ``files``, (name, id), that no row of ``column`` knows; how many."""
        marks = ", ".join("?" * len(files))
        rows = await self._database.scan(f"SELECT {column} IN ({marks})", *(id for _, id in files))
        known = {row["id"] for row in rows}
        removed = 0
        for name, id in files:
            half_written = name.endswith(".part")
            if id in known and not half_written:
                continue
            try:
                if kind == "attachments" and not half_written:
                    # A job that uses it again may just be written, by another process too.
                    removed += await self._jobs.remove_unused(id)
                else:
                    await place.remove(name)
                    removed += 1
            except UnavailableError:
                raise
            except StoreError as error:  # deleted by another process, or not permitted
                log.info("The orphaned file %s could not be deleted: %s", name, error)
        return removed


def _old(found: list[Found]) -> list[tuple[str, str]]:
    """The names of files that are old enough, each with the id in it."""
    old = time.time() - _ORPHAN_MS / 1000
    named = [(each.name, _ID.fullmatch(each.name.rpartition("/")[2])) for each in found]
    return [
        (name, match[1])
        for (name, match), each in zip(named, found, strict=True)
        if match is not None and each.written < old
    ]
