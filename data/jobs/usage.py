"""Counting what a person asks for in a server; data.guilds reads it."""

from __future__ import annotations

from data.database import Transaction
from engine.clock import DAY_MS


async def add_usage(
    transaction: Transaction, guild_id: str, person: str, job_id: str, now: int
) -> None:
    """Write down that a job was accepted, and delete what is older than a day."""
    await transaction.change(
        # Rows that another process is deleting are left to it.
        "DELETE FROM guild_usage WHERE job_id IN (SELECT job_id FROM guild_usage "
        "WHERE asked_at <= ? FOR UPDATE SKIP LOCKED)",
        now - DAY_MS,
    )
    await transaction.change(
        "INSERT INTO guild_usage (guild_id, person, job_id, asked_at) VALUES (?, ?, ?, ?)",
        guild_id,
        person,
        job_id,
        now,
    )
