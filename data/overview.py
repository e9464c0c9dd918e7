"""Numbers about the stored jobs, for the host."""

from __future__ import annotations

from data.database import Database


class Overview:
    """Counts jobs; every method raises StoreError if the database cannot be read."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def jobs_by_state(self) -> dict[str, int]:
        """How many jobs are stored in each state; states without jobs are left out."""
        rows = await self._database.scan("SELECT state, COUNT(*) AS n FROM jobs GROUP BY state")
        return {row["state"]: int(row["n"]) for row in rows}

    async def last_channels(self, since: int) -> dict[str, str]:
        """By server, the channel of its newest job after ``since`` (ms since 1970, UTC)."""
        rows = await self._database.scan(
            "SELECT guild_id, channel_id, MAX(sequence) AS newest FROM jobs "
            "WHERE guild_id IS NOT NULL AND created_at >= ? GROUP BY guild_id, channel_id "
            "ORDER BY newest",
            since,
        )
        return {row["guild_id"]: row["channel_id"] for row in rows}  # the newest comes last
