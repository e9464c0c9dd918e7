"""Removing all pictures of a member of a server: what was asked for, and how far it is."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from data.database import Database
from data.jobs.stored import COLUMNS, StoredJob, stored_job
from engine.clock import DAY_MS, now_ms

_COLUMNS = (
    "id, guild_id, person, moderator, reason, since, until, removed, failed, channel_id, message_id"
)
_WHICH = "person = ? AND guild_id = ? AND sequence > ? AND created_at >= ? AND created_at <= ?"


@dataclass(frozen=True)
class Purge:
    """The pictures of ``person`` from ``since`` (None: from the first) to ``until``, to remove.

    Times are milliseconds since 1970, UTC. ``removed`` counts those done, ``failed`` those of them
    whose messages could not be deleted. The progress is shown in ``message_id`` in ``channel_id``.
    """

    id: str
    guild_id: str
    person: str
    moderator: str | None
    reason: str | None
    since: int | None
    until: int
    removed: int = 0
    failed: int = 0
    channel_id: str | None = None
    message_id: str | None = None


class Purges:
    """Keeps them until they are done; every method raises StoreError if the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ask(
        self, guild_id: str, person: str, moderator: str, since: int | None, reason: str | None
    ) -> Purge:
        """Write down a purge that its moderator must confirm within a day."""
        now = now_ms()
        new = Purge(uuid.uuid4().hex, guild_id, person, moderator, reason, since, now)
        async with self._database.transaction() as transaction:
            await transaction.change(
                "DELETE FROM purges WHERE id IN (SELECT id FROM purges "
                "WHERE state = 'asked' AND created_at < ? FOR UPDATE SKIP LOCKED)",
                now - DAY_MS,
            )
            await transaction.change(
                "INSERT INTO purges (id, guild_id, person, moderator, reason, since, until, state, "
                "created_at) VALUES (?, ?, ?, ?, ?, ?, ?, 'asked', ?)",
                new.id,
                guild_id,
                person,
                moderator,
                reason,
                since,
                now,
                now,
            )
        return new

    async def asked(self, id: str) -> Purge | None:
        """The purge that waits to be confirmed, or None."""
        return await self._in_state(id, "asked")

    async def find(self, id: str) -> Purge | None:
        """The purge if it was begun and is not done, else None."""
        return await self._in_state(id, "running")

    async def _in_state(self, id: str, state: str) -> Purge | None:
        rows = await self._database.fetch(
            f"SELECT {_COLUMNS} FROM purges WHERE id = ? AND state = ?",  # noqa: S608  constant
            id,
            state,
        )
        return Purge(**rows[0]) if rows else None

    async def begin(self, id: str) -> bool:
        """asked -> running; False if it was confirmed or dropped before."""
        return (
            await self._database.change(
                "UPDATE purges SET state = 'running' WHERE id = ? AND state = 'asked'", id
            )
            > 0
        )

    async def running(self) -> list[Purge]:
        """Those that were begun and are not done."""
        rows = await self._database.fetch(
            f"SELECT {_COLUMNS} FROM purges WHERE state = 'running' ORDER BY created_at"  # noqa: S608  constant
        )
        return [Purge(**row) for row in rows]

    async def shown_in(self, id: str, channel_id: str, message_id: str) -> None:
        """The message that shows the progress."""
        await self._database.change(
            "UPDATE purges SET channel_id = ?, message_id = ? WHERE id = ?",
            channel_id,
            message_id,
            id,
        )

    async def count(self, purge: Purge) -> int:
        """The number of jobs that are left to remove."""
        rows = await self._database.fetch(
            f"SELECT COUNT(*) AS n FROM jobs WHERE {_WHICH}",  # noqa: S608  constant
            *_values(purge, 0),
        )
        return int(rows[0]["n"])

    async def jobs(self, purge: Purge, after: int, limit: int) -> list[tuple[int, StoredJob]]:
        """Jobs to remove, oldest first, each with its sequence, which is above ``after``."""
        rows = await self._database.fetch(
            f"SELECT {COLUMNS}, sequence FROM jobs WHERE {_WHICH} ORDER BY sequence LIMIT ?",  # noqa: S608  constants
            *_values(purge, after),
            limit,
        )
        return [(row["sequence"], stored_job(row)) for row in rows]

    async def removed(self, id: str, *, failed: bool) -> None:
        """Count one more job as removed."""
        await self._database.change(
            "UPDATE purges SET removed = removed + 1, failed = failed + ? WHERE id = ?",
            int(failed),
            id,
        )

    async def end(self, id: str) -> None:
        """Forget a purge that is done, or was declined."""
        await self._database.change("DELETE FROM purges WHERE id = ?", id)


def _values(purge: Purge, after: int) -> tuple[object, ...]:
    return purge.person, purge.guild_id, after, purge.since or 0, purge.until
