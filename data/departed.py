"""Servers that the bot left: what they set and what their moderators did goes after a while.

A server that comes back within that time finds all as it was. Its pictures stay their people's,
and go by the days like all others.
"""

from __future__ import annotations

from collections.abc import Set

from data.database import Database
from engine.clock import DAY_MS

KEPT_DAYS = 30
# The tables that are a server's own; each has its column guild_id.
TABLES = ("guild_settings", "guild_settings_log", "guild_usage", "restrictions",
          "moderation_log", "picture_checks")
_LEFT = "left server "


async def forget_departed(database: Database, present: Set[str], now: int) -> int:
    """Remove what is kept of servers that were absent for 30 days; how many those were.

    ``present`` are the ids of the servers that the bot is in at ``now``, in milliseconds since
    1970, UTC. A server that is absent for the first time is noted down. Raises StoreError.
    """
    known = " UNION ".join(f"SELECT guild_id FROM {table}" for table in TABLES)  # noqa: S608  constants
    kept = {row["guild_id"] for row in await database.fetch(known)}
    noted = {row["key"].removeprefix(_LEFT): int(row["value"]) for row in await database.fetch(
        "SELECT key, value FROM meta WHERE key LIKE ?", f"{_LEFT}%")}
    gone = 0
    async with database.transaction() as transaction:
        for guild_id in kept - present - set(noted):
            await transaction.change("INSERT INTO meta (key, value) VALUES (?, ?)",
                                     _LEFT + guild_id, str(now))
        for guild_id, since in noted.items():
            over = guild_id not in present and now - since >= KEPT_DAYS * DAY_MS
            if over:
                gone += 1
                for table in TABLES:
                    await transaction.change(
                        f"DELETE FROM {table} WHERE guild_id = ?", guild_id)  # noqa: S608  constants
            if over or guild_id in present:
                await transaction.change("DELETE FROM meta WHERE key = ?", _LEFT + guild_id)
    return gone
