"""Which job a Discord message shows, and the addresses of pictures that people want to edit."""

from __future__ import annotations

import uuid

from data.database import Database
from engine.clock import now_ms

# Discord's links to attachments expire after a day, and nobody leaves a modal open for longer.
ADDRESS_HOURS = 24


class Messages:
    """Looks up jobs and addresses; every method raises StoreError if the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def job_shown_in(self, channel_id: str, message_id: str) -> str | None:
        """The id of the job whose progress or result the message shows, or None."""
        rows = await self._database.fetch(
            "SELECT id FROM jobs WHERE channel_id = ? AND "
            "(result_message_id = ? OR progress_message_id = ?)",
            channel_id,
            message_id,
            message_id,
        )
        return rows[0]["id"] if rows else None

    async def job_starting_with(self, start: str) -> str | None:
        """The id of the only job whose id starts with these 8 digits; None if none or several."""
        rows = await self._database.fetch(
            "SELECT id FROM jobs WHERE id >= ? AND id <= ?", start + "0" * 24, start + "f" * 24
        )
        return rows[0]["id"] if len(rows) == 1 else None

    async def keep_address(self, address: str) -> str:
        """Keep the address of a picture for a day; returns the id to look it up by, 32 hex digits.

        The bot may restart while a modal is open, and the modal's custom_id is too short for an
        address.
        """
        id, now = uuid.uuid4().hex, now_ms()
        async with self._database.transaction() as transaction:
            await transaction.change(
                "DELETE FROM edit_addresses WHERE created_at < ?", now - ADDRESS_HOURS * 3_600_000
            )
            await transaction.change(
                "INSERT INTO edit_addresses (id, address, created_at) VALUES (?, ?, ?)",
                id,
                address,
                now,
            )
        return id

    async def address(self, id: str) -> str | None:
        """The address kept under ``id``, or None if it has expired."""
        rows = await self._database.fetch("SELECT address FROM edit_addresses WHERE id = ?", id)
        return rows[0]["address"] if rows else None
