"""What servers set, the log of its changes, and what people asked for in a server of late.

Values are anything that JSON can hold; what they mean and whether they may be is not known here.
Every function raises StoreError where the database cannot be used.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from data.database import Database, Row
from engine.clock import DAY_MS, now_ms


@dataclass(frozen=True)
class Change:
    """One change of one setting; ``at`` is milliseconds since 1970, UTC.

    ``before`` and ``after`` are None where the server had set nothing; ``person`` is None where
    whoever it was wants to be forgotten.
    """

    name: str
    before: Any
    after: Any
    person: str | None
    at: int


@dataclass(frozen=True)
class Usage:
    """What one person asked for in one server: how many jobs in the last day, and when.

    ``oldest`` and ``newest`` are milliseconds since 1970, UTC; None without any.
    """

    jobs: int
    oldest: int | None
    newest: int | None


async def guild_settings(database: Database, guild_id: str) -> dict[str, Any]:
    """What the server has set, by name."""
    rows = await database.fetch(
        "SELECT name, value FROM guild_settings WHERE guild_id = ?", guild_id)
    return {row["name"]: json.loads(row["value"]) for row in rows}


async def change_settings(database: Database, guild_id: str, person: str,
                          values: Mapping[str, Any]) -> list[Change]:
    """Set each of ``values``, None taking the row away, and log what has changed by it.

    All of them are written down, or none.
    """
    now = now_ms()
    changes = []
    async with database.transaction() as transaction:
        for name, after in values.items():
            rows = await transaction.fetch(
                "SELECT value FROM guild_settings WHERE guild_id = ? AND name = ?",
                guild_id, name)
            before = json.loads(rows[0]["value"]) if rows else None
            if before == after:
                continue
            if after is None:
                await transaction.change(
                    "DELETE FROM guild_settings WHERE guild_id = ? AND name = ?", guild_id, name)
            else:
                await transaction.change(
                    "INSERT INTO guild_settings (guild_id, name, value) VALUES (?, ?, ?) "
                    "ON CONFLICT (guild_id, name) DO UPDATE SET value = excluded.value",
                    guild_id, name, json.dumps(after))
            await transaction.change(
                "INSERT INTO guild_settings_log (guild_id, sequence, person, changed_at, name, "
                "value_before, value_after) SELECT ?, COALESCE(MAX(sequence), 0) + 1, ?, ?, ?, ?, "
                "? FROM guild_settings_log WHERE guild_id = ?",
                guild_id, person, now, name, _json(before), _json(after), guild_id)
            changes.append(Change(name, before, after, person, now))
    return changes


async def settings_log(database: Database, guild_id: str, *, limit: int = 10,
                       offset: int = 0) -> list[Change]:
    """The changes in a server, newest first."""
    rows = await database.fetch(
        "SELECT name, value_before, value_after, person, changed_at FROM guild_settings_log "
        "WHERE guild_id = ? ORDER BY sequence DESC LIMIT ? OFFSET ?", guild_id, limit, offset)
    return [_change(row) for row in rows]


async def count_usage(database: Database, guild_id: str, person: str, now: int) -> Usage:
    """What the person asked for in the server within the day before ``now``."""
    rows = await database.fetch(
        "SELECT COUNT(*) AS jobs, MIN(asked_at) AS oldest, MAX(asked_at) AS newest "
        "FROM guild_usage WHERE guild_id = ? AND person = ? AND asked_at > ?",
        guild_id, person, now - DAY_MS)
    return Usage(**rows[0])


async def add_usage(database: Database, guild_id: str, person: str, job_id: str,
                    now: int) -> None:
    """Write down that a job was taken; what is older than a day is forgotten."""
    async with database.transaction() as transaction:
        await transaction.change("DELETE FROM guild_usage WHERE asked_at <= ?", now - DAY_MS)
        await transaction.change(
            "INSERT INTO guild_usage (guild_id, person, job_id, asked_at) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (job_id) DO NOTHING", guild_id, person, job_id, now)


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value)


def _change(row: Row) -> Change:
    before, after = row["value_before"], row["value_after"]
    return Change(row["name"], None if before is None else json.loads(before),
                  None if after is None else json.loads(after), row["person"], row["changed_at"])
