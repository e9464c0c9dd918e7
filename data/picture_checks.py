"""What was found in pictures that a server does not want in them, and taking one back for it.

Takes the open Database. Every function raises StoreError where it cannot be used.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from data.database import Database, Transaction
from data.store import Store
from engine.clock import now_ms

Action = Literal["warn", "spoiler", "withhold"]


@dataclass(frozen=True)
class Finding:
    """One concept in one picture.

    ``score`` is 0 to 1, None where the picture could not be scored; ``person`` asked for it, None
    once forgotten; ``created_at`` is milliseconds since 1970, UTC.
    """

    guild_id: str
    job_id: str
    person: str | None
    concept: str
    score: float | None
    action: Action
    created_at: int = 0


async def note(database: Database, findings: Sequence[Finding]) -> None:
    """Write them down; what is there of the same picture and concept stays as it is."""
    async with database.transaction() as transaction:
        await _note(transaction, findings)


async def withhold(store: Store, job_id: str, findings: Sequence[Finding], reason: str) -> bool:
    """Turn a rendered job that was not posted yet into one that failed, and note why.

    Its picture and its state are removed, so that nothing shows it. False, and nothing changed,
    where the job is in another state.
    """
    async with store.database.transaction() as transaction:
        if not await transaction.change(
                "UPDATE jobs SET state = 'failed', error = ?, picture = NULL, result = NULL "
                "WHERE id = ? AND state = 'rendered' AND delivered_at IS NULL", reason, job_id):
            return False
        await _note(transaction, findings)
    await asyncio.to_thread(store.files.remove_picture, job_id)
    await asyncio.to_thread(store.files.forget_state, job_id)
    return True


async def hides(database: Database, job_id: str) -> bool:
    """Whether the picture was posted behind a spoiler for what it shows."""
    return bool(await database.fetch(
        "SELECT concept FROM picture_checks WHERE job_id = ? AND action = 'spoiler'", job_id))


async def findings_in(database: Database, guild_id: str, limit: int) -> list[Finding]:
    """What was found in the server's pictures, newest first."""
    rows = await database.fetch(
        "SELECT guild_id, job_id, person, concept, score, action, created_at FROM picture_checks "
        "WHERE guild_id = ? ORDER BY sequence DESC LIMIT ?", guild_id, limit)
    return [Finding(**row) for row in rows]


async def _note(transaction: Transaction, findings: Sequence[Finding]) -> None:
    for found in findings:
        await transaction.change(
            "INSERT INTO picture_checks (sequence, guild_id, job_id, person, concept, score, "
            "action, created_at) SELECT COALESCE(MAX(sequence), 0) + 1, ?, ?, ?, ?, ?, ?, ? "
            "FROM picture_checks WHERE true ON CONFLICT (job_id, concept) DO NOTHING",
            found.guild_id, found.job_id, found.person, found.concept, found.score,
            found.action, now_ms())
