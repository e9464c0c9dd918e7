"""What the host asks of the database: how many jobs there are of each kind, and where.

Takes the open Database; times are milliseconds since 1970, UTC. Raises StoreError.
"""

from __future__ import annotations

from data.database import Database


async def jobs_by_state(database: Database) -> dict[str, int]:
    """How many jobs are kept in each state; states without any are left out."""
    rows = await database.fetch("SELECT state, COUNT(*) AS n FROM jobs GROUP BY state")
    return {row["state"]: int(row["n"]) for row in rows}


async def last_channels(database: Database, since: int) -> dict[str, str]:
    """By server, the channel in which the newest job since then was asked for."""
    rows = await database.fetch(
        "SELECT guild_id, channel_id, MAX(sequence) AS newest FROM jobs "
        "WHERE guild_id IS NOT NULL AND created_at >= ? GROUP BY guild_id, channel_id "
        "ORDER BY newest", since)
    return {row["guild_id"]: row["channel_id"] for row in rows}  # the newest comes last
