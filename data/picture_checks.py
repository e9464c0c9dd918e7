"""Concepts that a server does not want in pictures: where they were found, and withholding.

See bot.guild.concepts for the check itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from data.database import Database, Transaction
from data.jobs.states import States
from data.pictures.base import Pictures
from data.pictures.names import picture_name, time_lapse_name
from engine.clock import now_ms

Action = Literal["warn", "spoiler", "withhold"]


@dataclass(frozen=True)
class Finding:
    """One concept in one picture.

    ``score`` is 0 to 1, None if the picture could not be scored; ``person`` asked for it, None
    once forgotten; ``created_at`` is milliseconds since 1970, UTC.
    """

    guild_id: str
    job_id: str
    person: str | None
    concept: str
    score: float | None
    action: Action
    created_at: int = 0


class PictureChecks:
    """Keeps findings; every method raises StoreError if the database cannot be used."""

    def __init__(self, database: Database, states: States, pictures: Pictures) -> None:
        self._database = database
        self._states = states
        self._pictures = pictures
        # Called with findings that were written down.
        self.watchers: list[Callable[[Sequence[Finding]], None]] = []

    async def add(self, findings: Sequence[Finding]) -> None:
        """Write findings down; a second one of the same picture and concept is ignored."""
        async with self._database.transaction() as transaction:
            await _add(transaction, findings)
        self._tell(findings)

    async def withhold(self, job_id: str, findings: Sequence[Finding], reason: str) -> bool:
        """Turn a rendered job that was not posted yet into a failed one, and write down why.

        Its picture and its state are deleted, so that nothing shows it. Returns False, with
        nothing changed, if the job is in another state.
        """
        async with self._database.transaction() as transaction:
            if not await transaction.change(
                "UPDATE jobs SET state = 'failed', error = ?, picture = NULL, result = NULL, "
                "losses = NULL, result_sha256 = NULL "
                "WHERE id = ? AND state = 'rendered' AND delivered_at IS NULL",
                reason,
                job_id,
            ):
                return False
            await _add(transaction, findings)
        self._tell(findings)
        await self._pictures.remove(picture_name(job_id), time_lapse_name(job_id))
        await self._states.forget(job_id)
        return True

    def _tell(self, findings: Sequence[Finding]) -> None:
        for watcher in self.watchers:
            watcher([replace(found, created_at=now_ms()) for found in findings])

    async def needs_spoiler(self, job_id: str) -> bool:
        """Whether the picture was posted behind a spoiler because of a finding."""
        return bool(
            await self._database.fetch(
                "SELECT concept FROM picture_checks WHERE job_id = ? AND action = 'spoiler'", job_id
            )
        )

    async def findings(self, guild_id: str, limit: int) -> list[Finding]:
        """The findings in the server's pictures, newest first."""
        rows = await self._database.fetch(
            "SELECT guild_id, job_id, person, concept, score, action, created_at "
            "FROM picture_checks WHERE guild_id = ? ORDER BY sequence DESC LIMIT ?",
            guild_id,
            limit,
        )
        return [Finding(**row) for row in rows]


async def _add(transaction: Transaction, findings: Sequence[Finding]) -> None:
    for found in findings:
        await transaction.change(
            "INSERT INTO picture_checks (sequence, guild_id, job_id, person, concept, score, "
            "action, created_at) VALUES (next_number('picture_checks'), ?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (job_id, concept) DO NOTHING",
            found.guild_id,
            found.job_id,
            found.person,
            found.concept,
            found.score,
            found.action,
            now_ms(),
        )
