"""What each server has set, the log of its changes, and how much people asked for there.

Setting values are anything that JSON can hold; what they mean is not known here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from typing import Any

from data.database import Database, Row
from data.people import HOST
from engine.clock import DAY_MS, now_ms

# Days after which a server that the bot left is forgotten.
DEPARTED_DAYS = 30
# The tables that belong to servers; each has a column guild_id.
TABLES = (
    "guild_settings",
    "guild_settings_log",
    "guild_usage",
    "restrictions",
    "moderation_log",
    "picture_checks",
    "purges",
    "server_styles",
    "stars",
)
_LEFT = "left server "


@dataclass(frozen=True)
class Change:
    """One change of one setting; ``at`` is milliseconds since 1970, UTC.

    ``before`` and ``after`` are None if the setting had no value; ``person`` is None if that
    person asked to be forgotten.
    """

    name: str
    before: Any
    after: Any
    person: str | None
    at: int


@dataclass(frozen=True)
class Usage:
    """How many jobs one person asked for in one server in the last day, and when.

    ``oldest`` and ``newest`` are milliseconds since 1970, UTC; None without jobs.
    """

    jobs: int
    oldest: int | None
    newest: int | None


class Guilds:
    """Keeps it in ``database``; every method raises StoreError if that cannot be used."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def settings(self, guild_id: str) -> dict[str, Any]:
        """What the server has set, by name."""
        rows = await self._database.fetch(
            "SELECT name, value FROM guild_settings WHERE guild_id = ?", guild_id
        )
        return {row["name"]: json.loads(row["value"]) for row in rows}

    async def change_settings(
        self, guild_id: str, person: str, values: Mapping[str, Any]
    ) -> list[Change]:
        """Set each of ``values`` (None removes a setting); logs and returns what has changed.

        Either all are written down or none.
        """
        changes = await self._change(guild_id, person, values, None)
        assert changes is not None  # nothing was expected
        return changes

    async def change_settings_if(
        self,
        guild_id: str,
        person: str,
        values: Mapping[str, Any],
        expected: Mapping[str, Any],
    ) -> list[Change] | None:
        """The same if the server's settings are still ``expected``; else None, with no change.

        For values that were made from those before, such as a list with one more entry.
        """
        return await self._change(guild_id, person, values, expected)

    async def _change(
        self,
        guild_id: str,
        person: str,
        values: Mapping[str, Any],
        expected: Mapping[str, Any] | None,
    ) -> list[Change] | None:
        now = now_ms()
        changes = []
        async with self._database.transaction() as transaction:
            await transaction.lock("guild settings", guild_id)
            rows = await transaction.fetch(
                "SELECT name, value FROM guild_settings WHERE guild_id = ?", guild_id
            )
            stored = {row["name"]: json.loads(row["value"]) for row in rows}
            if expected is not None and expected != stored:
                return None
            for name, after in values.items():
                before = stored.get(name)
                if before == after:
                    continue
                if after is None:
                    await transaction.change(
                        "DELETE FROM guild_settings WHERE guild_id = ? AND name = ?", guild_id, name
                    )
                else:
                    await transaction.change(
                        "INSERT INTO guild_settings (guild_id, name, value) VALUES (?, ?, ?) "
                        "ON CONFLICT (guild_id, name) DO UPDATE SET value = excluded.value",
                        guild_id,
                        name,
                        json.dumps(after),
                    )
                await transaction.change(
                    "INSERT INTO guild_settings_log (guild_id, sequence, person, changed_at, "
                    "name, value_before, value_after) "
                    "VALUES (?, next_number('guild_settings_log'), ?, ?, ?, ?, ?)",
                    guild_id,
                    person,
                    now,
                    name,
                    _json(before),
                    _json(after),
                )
                changes.append(Change(name, before, after, person, now))
        return changes

    async def settings_log(
        self, guild_id: str, *, limit: int = 10, offset: int = 0
    ) -> list[Change]:
        """The changes of settings in a server, newest first."""
        rows = await self._database.fetch(
            "SELECT name, value_before, value_after, person, changed_at FROM guild_settings_log "
            "WHERE guild_id = ? ORDER BY sequence DESC LIMIT ? OFFSET ?",
            guild_id,
            limit,
            offset,
        )
        return [_change(row) for row in rows]

    async def usage(self, guild_id: str, person: str, now: int) -> Usage:
        """What the person asked for in the server in the day before ``now``."""
        rows = await self._database.fetch(
            "SELECT COUNT(*) AS jobs, MIN(asked_at) AS oldest, MAX(asked_at) AS newest "
            "FROM guild_usage WHERE guild_id = ? AND person = ? AND asked_at > ?",
            guild_id,
            person,
            now - DAY_MS,
        )
        return Usage(**rows[0])

    async def forget_departed(
        self, present: Set[str], now: int, ours: Callable[[str], bool] = lambda guild_id: True
    ) -> int:
        """Delete what belongs to servers that the bot left 30 days ago; returns how many.

        ``present`` are the ids of the servers that the bot is in at ``now`` (ms since 1970, UTC),
        of those that are ``ours`` to know about. A server that is missing for the first time is
        only noted down, so one that comes back in time finds everything as it was. Pictures belong
        to people, not to servers, and stay.
        """
        tables = " UNION ".join(f"SELECT guild_id FROM {table}" for table in TABLES)  # noqa: S608  constants
        found = {row["guild_id"] for row in await self._database.scan(tables)} - {HOST}
        known = {guild_id for guild_id in found if ours(guild_id)}
        rows = await self._database.scan(
            "SELECT key, value FROM meta WHERE key LIKE ?", f"{_LEFT}%"
        )
        left = {
            guild_id: int(row["value"])
            for row in rows
            if ours(guild_id := row["key"].removeprefix(_LEFT))
        }
        gone = 0
        async with self._database.transaction() as transaction:
            for guild_id in known - present - set(left):
                await transaction.change(
                    "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO NOTHING",
                    _LEFT + guild_id,
                    str(now),
                )
            for guild_id, since in left.items():
                over = guild_id not in present and now - since >= DEPARTED_DAYS * DAY_MS
                if over:
                    gone += 1
                    for table in TABLES:
                        await transaction.change(
                            f"DELETE FROM {table} WHERE guild_id = ?",  # noqa: S608  constants
                            guild_id,
                        )
                if over or guild_id in present:
                    await transaction.change("DELETE FROM meta WHERE key = ?", _LEFT + guild_id)
        return gone


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value)


def _change(row: Row) -> Change:
    before, after = row["value_before"], row["value_after"]
    return Change(
        row["name"],
        None if before is None else json.loads(before),
        None if after is None else json.loads(after),
        row["person"],
        row["changed_at"],
    )
