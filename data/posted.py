"""Which job a message of the bot's is about, and the addresses of pictures people mean to edit.

Queries of their own on the open database; see data.store for the rest of it.
"""

from __future__ import annotations

import uuid

from data.database import Database
from engine.clock import now_ms

# Discord's own links to attachments die after a day, and nobody leaves a modal open for longer.
ADDRESS_HOURS = 24


async def job_of_message(database: Database, channel_id: str, message_id: str) -> str | None:
    """The id of the job whose progress or result that message shows; None of any other."""
    rows = await database.fetch(
        "SELECT id FROM jobs WHERE channel_id = ? AND "
        "(result_message_id = ? OR progress_message_id = ?)", channel_id, message_id, message_id)
    return rows[0]["id"] if rows else None


async def keep_address(database: Database, address: str) -> str:
    """Keep the address of a picture for a day; the id to ask for it by, 32 hex digits.

    A modal is filled in while the bot may be restarted, and its custom_id has no room for it.
    """
    id, now = uuid.uuid4().hex, now_ms()
    async with database.transaction() as transaction:
        await transaction.change("DELETE FROM edit_addresses WHERE created_at < ?",
                                 now - ADDRESS_HOURS * 3_600_000)
        await transaction.change(
            "INSERT INTO edit_addresses (id, address, created_at) VALUES (?, ?, ?)",
            id, address, now)
    return id


async def kept_address(database: Database, id: str) -> str | None:
    """The address kept under ``id``; None where it was too long ago."""
    rows = await database.fetch("SELECT address FROM edit_addresses WHERE id = ?", id)
    return rows[0]["address"] if rows else None


async def job_beginning(database: Database, start: str) -> str | None:
    """The id of the one job whose id begins with these 8 digits; None of none or several."""
    rows = await database.fetch("SELECT id FROM jobs WHERE id >= ? AND id <= ?",
                                start + "0" * 24, start + "f" * 24)
    return rows[0]["id"] if len(rows) == 1 else None
