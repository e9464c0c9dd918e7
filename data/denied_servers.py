"""The servers that the host does not want the bot to be in."""

from __future__ import annotations

from data.database import Database
from engine.clock import now_ms


class DeniedServers:
    """Keeps their ids; every method raises StoreError if the database cannot be used."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> set[str]:
        """The ids of all of them; the host types each one, so there are few."""
        rows = await self._database.scan("SELECT server_id FROM denied_servers")
        return {row["server_id"] for row in rows}

    async def add(self, server_id: str) -> None:
        """Deny a server; a second time changes nothing."""
        await self._database.change(
            "INSERT INTO denied_servers (server_id, created_at) VALUES (?, ?) "
            "ON CONFLICT (server_id) DO NOTHING",
            server_id,
            now_ms(),
        )

    async def remove(self, server_id: str) -> bool:
        """Allow a server again; False if it was not denied."""
        return (
            await self._database.change("DELETE FROM denied_servers WHERE server_id = ?", server_id)
            > 0
        )
