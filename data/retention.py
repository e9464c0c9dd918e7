"""What has been kept long enough goes: jobs by the days of their place, and what is nobody's."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from data.store import Store
from engine.clock import DAY_MS, now_ms

log = logging.getLogger("data.retention")

# A file younger than this may belong to a row that is being written.
_ORPHAN_MS = DAY_MS
_ID = re.compile(r"\.?([0-9a-f]{32}|[0-9a-f]{64})(?:\..*)?")

DaysOf = Callable[[str | None], Awaitable[int | None]]
"""How many days the jobs of a server, or with None of direct messages, are kept; None: for ever."""


async def expire(store: Store, days_of: DaysOf, host_days: int | None) -> int:
    """Remove the jobs that ended too long ago, with their files; how many they were.

    ``host_days`` is for what belongs to no single server's jobs: the moderators' logs. Bans and
    limits that have run out go too. Raises StoreError, with part of it done.
    """
    now = now_ms()
    removed = 0
    places = await store.database.fetch("SELECT DISTINCT guild_id FROM jobs")
    for place in places:
        days = await days_of(place["guild_id"])
        if days is not None:
            removed += await _expire_in(store, place["guild_id"], now - days * DAY_MS)
    await store.database.change("DELETE FROM restrictions WHERE expires_at <= ?", now)
    if host_days is not None:
        for log_of in ("moderation_log", "picture_checks"):
            await store.database.change(
                f"DELETE FROM {log_of} WHERE created_at < ?",  # noqa: S608  constants
                now - host_days * DAY_MS)
    await store.database.scrub()
    return removed


async def _expire_in(store: Store, guild_id: str | None, before: int) -> int:
    where = "guild_id IS NULL" if guild_id is None else "guild_id = ?"
    values = [] if guild_id is None else [guild_id]
    rows = await store.database.fetch(
        f"SELECT id FROM jobs WHERE {where} AND state NOT IN ('queued', 'running') "  # noqa: S608  constants
        "AND COALESCE(ended_at, created_at) < ?", *values, before)
    for row in rows:
        await store.delete(row["id"])
    return len(rows)


async def sweep(store: Store) -> int:
    """Remove files that no row speaks of: left by a crash between the row and the file.

    How many they were. Raises StoreError where the database cannot be read.
    """
    jobs = {row["id"] for row in await store.database.fetch("SELECT id FROM jobs")}
    attached = {row["sha256"] for row in await store.database.fetch(
        "SELECT DISTINCT sha256 FROM attachments")}
    removed = 0
    for folder, known in (("pictures", jobs), ("states", jobs), ("attachments", attached)):
        removed += await asyncio.to_thread(_sweep, store.folder / folder, known)
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
        except OSError as error:  # taken away by another, or not ours to take
            log.info("%s was not swept away: %s", path, error)
    return removed
