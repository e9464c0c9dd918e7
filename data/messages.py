"""Where the messages about jobs are, and texts that open modals and buttons need for a day."""

from __future__ import annotations

import uuid
from collections.abc import Collection

from data.database import Database, Row
from data.jobs.messages import MESSAGE_COLUMNS, JobMessage
from engine.clock import now_ms

# Discord's links to attachments expire after a day, and nobody leaves a modal open for longer.
KEPT_HOURS = 24


class Messages:
    """Looks up messages and kept texts; every method raises StoreError if the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def job_shown_in(self, channel_id: str, message_id: str) -> str | None:
        """The id of the job whose progress or result the message shows, or None.

        Of a grid it is one of its jobs.
        """
        rows = await self._database.fetch(
            "SELECT job_id FROM job_messages WHERE channel_id = ? AND message_id = ?",
            channel_id,
            message_id,
        )
        return rows[0]["job_id"] if rows else None

    async def about(self, job_id: str) -> list[JobMessage]:
        """The messages about a job, its result first."""
        rows = await self._database.fetch(
            f"SELECT {MESSAGE_COLUMNS} FROM job_messages WHERE job_id = ? ORDER BY kind DESC",  # noqa: S608  constant
            job_id,
        )
        return [JobMessage(**row) for row in rows]

    async def forget_others(self, job_id: str) -> None:
        """Forget that messages about a job are about others of its grid, too.

        So the pictures of these stay when the messages are deleted.
        """
        for message in await self.about(job_id):
            await self._database.change(
                "DELETE FROM job_messages WHERE channel_id = ? AND message_id = ? AND job_id <> ?",
                message.channel_id,
                message.message_id,
                job_id,
            )

    async def results_of(self, job_ids: Collection[str]) -> dict[str, JobMessage]:
        """The messages with the results of these jobs, by job; at most a few hundred."""
        if not job_ids:
            return {}
        rows = await self._database.fetch(
            f"SELECT {MESSAGE_COLUMNS} FROM job_messages WHERE kind = 'result' AND job_id IN "  # noqa: S608  marks
            f"({', '.join('?' * len(job_ids))})",
            *job_ids,
        )
        return {row["job_id"]: JobMessage(**row) for row in rows}

    async def results_since(self, since: int, limit: int) -> list[JobMessage]:
        """The messages with results among the newest ``limit`` jobs after ``since`` (ms, UTC)."""
        rows = await self._database.fetch(
            "SELECT id FROM jobs WHERE created_at > ? ORDER BY created_at DESC LIMIT ?",
            since,
            limit,
        )
        found = await self.results_of([row["id"] for row in rows])
        return [found[row["id"]] for row in rows if row["id"] in found]

    async def deleted(self, channel_id: str, message_ids: Collection[str]) -> list[JobMessage]:
        """Forget messages that were deleted in Discord; returns those about jobs.

        The picture of a deleted result counts as removed.
        """
        found: list[Row] = []
        for message_id in message_ids:
            found += await self._database.fetch(
                f"SELECT {MESSAGE_COLUMNS} FROM job_messages "  # noqa: S608  constant
                "WHERE channel_id = ? AND message_id = ?",
                channel_id,
                message_id,
            )
        if not found:  # as nearly always
            return []
        gone = [JobMessage(**row) for row in found]
        async with self._database.transaction() as transaction:
            for message in gone:
                await transaction.change(
                    "DELETE FROM job_messages WHERE channel_id = ? AND message_id = ?",
                    message.channel_id,
                    message.message_id,
                )
                if message.kind == "result":
                    await transaction.change(
                        "UPDATE jobs SET removed_at = ? WHERE id = ?", now_ms(), message.job_id
                    )
        return gone

    async def job_starting_with(self, start: str) -> str | None:
        """The id of the only job whose id starts with these 8 digits; None if none or several."""
        rows = await self._database.fetch(
            "SELECT id FROM jobs WHERE id >= ? AND id <= ?", start + "0" * 24, start + "f" * 24
        )
        return rows[0]["id"] if len(rows) == 1 else None

    async def keep(self, text: str) -> str:
        """Keep a text for a day; returns the id to look it up by, 32 hex digits.

        It is the address of a picture, or a request as JSON. The bot may restart while a modal is
        open, and the modal's custom_id is too short for it.
        """
        id, now = uuid.uuid4().hex, now_ms()
        async with self._database.transaction() as transaction:
            await transaction.change(
                "DELETE FROM kept_texts WHERE id IN (SELECT id FROM kept_texts "
                "WHERE created_at < ? FOR UPDATE SKIP LOCKED)",
                now - KEPT_HOURS * 3_600_000,
            )
            await transaction.change(
                "INSERT INTO kept_texts (id, kept, created_at) VALUES (?, ?, ?)",
                id,
                text,
                now,
            )
        return id

    async def kept(self, id: str) -> str | None:
        """The text kept under ``id``, or None if it has expired."""
        rows = await self._database.fetch("SELECT kept FROM kept_texts WHERE id = ?", id)
        return rows[0]["kept"] if rows else None
