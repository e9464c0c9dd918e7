"""The stored jobs and their files: read, listed and deleted, whichever process works on them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

from data.database import Database, Row, Transaction
from data.jobs.files import Files
from data.jobs.owners import Owner
from data.jobs.states import States
from data.jobs.stored import COLUMNS, UNFINISHED, StoredJob, in_states, select_jobs, stored_job
from data.jobs.words import remove_words
from data.pictures.base import Pictures, intact
from data.pictures.names import attachment_name, picture_name, time_lapse_name
from engine.events import Losses
from engine.request.request import ImageRequest

# Read for each letter that a person types.
_RECENT = 500
_PART = 100
NEWEST = "SELECT COALESCE(MAX(sequence), 0) AS newest FROM jobs WHERE person = ?"


class Jobs:
    """The jobs of an open ``database``, with their ``pictures``, and states in ``job_files``.

    Every method raises StoreError if the database or a file cannot be used.
    """

    def __init__(
        self, database: Database, job_files: Files, pictures: Pictures, owner: Owner
    ) -> None:
        self.files = job_files
        self.pictures = pictures
        self.states = States(database, job_files, pictures, owner)
        self._database = database

    async def job(self, id: str) -> StoredJob | None:
        """The job with that id, or None."""
        found = await self._select("id = ?", id)
        return found[0] if found else None

    async def jobs_of(self, person: str) -> AsyncIterator[StoredJob]:
        """All jobs of ``person`` in any state, oldest first; jobs added meanwhile may be missing.

        They are read in small parts, because one person can have more than fit into memory.
        """
        after = -1
        while True:
            rows = await self._database.fetch(
                f"SELECT {COLUMNS}, sequence FROM jobs WHERE person = ? AND sequence > ? "  # noqa: S608  constants
                "ORDER BY sequence LIMIT ?",
                person,
                after,
                _PART,
            )
            for row in rows:
                yield stored_job(row)
            if len(rows) < _PART:
                return
            after = rows[-1]["sequence"]

    async def count_of(self, person: str) -> int:
        """The number of jobs of ``person`` in any state."""
        rows = await self._database.fetch("SELECT COUNT(*) AS n FROM jobs WHERE person = ?", person)
        return int(rows[0]["n"])

    async def newest_of(self, person: str) -> int:
        """The number of the person's newest job, 0 without one; see JobRecord.after."""
        return int((await self._database.fetch(NEWEST, person))[0]["newest"])

    async def unfinished_of(self, person: str) -> list[str | None]:
        """The servers of the person's jobs that wait or are painted, in whichever process.

        None stands for direct messages.
        """
        rows = await self._database.fetch(
            f"SELECT guild_id FROM jobs WHERE person = ? AND delivered_at IS NULL "  # noqa: S608  constants
            f"AND {in_states(UNFINISHED)}",
            person,
        )
        return [row["guild_id"] for row in rows]

    async def picture(self, id: str) -> bytes | None:
        """The job's picture as PNG bytes, or None if it has none, or a damaged one."""
        job = await self.job(id)
        if job is None or not job.has_picture:
            return None
        name = picture_name(id)
        data = await self.pictures.read(name)
        return await asyncio.to_thread(intact, name, data, job.result_sha256)

    async def time_lapse(self, id: str) -> bytes | None:
        """The job's time-lapse as an mp4 file's bytes, until it is posted; else None."""
        job, name = await self.job(id), time_lapse_name(id)
        data = await self.pictures.read(name)
        sha256 = None if job is None else job.result_sha256
        return await asyncio.to_thread(intact, name, data, sha256)

    async def time_lapses_of(self, id: str) -> list[StoredJob]:
        """The jobs that make or made time-lapses of the job's picture, oldest first."""
        return await self._select("time_lapse_of = ? ORDER BY sequence", id)

    async def grid(self, id: str) -> list[StoredJob]:
        """The jobs of a grid by its id, the job of the first picture first."""
        return await self._select("grid = ? ORDER BY sequence", id)

    async def with_grid(self, job: StoredJob) -> list[StoredJob]:
        """The jobs of a job's grid, that of the first picture first; it alone if it has none."""
        return [job] if job.grid is None else await self.grid(job.grid)

    async def rendition(self, id: str) -> tuple[ImageRequest, int] | None:
        """The request of a painted job and the number of iterations made, else None."""
        job = await self.job(id)
        if job is None or job.result is None or not job.is_painted:
            return None
        return job.request, int(job.result["iterations"])

    async def losses(self, id: str) -> Losses | None:
        """The losses of a painted job; None if none were kept."""
        rows = await self._database.fetch("SELECT losses FROM jobs WHERE id = ?", id)
        kept = rows[0]["losses"] if rows else None
        return None if kept is None else Losses.from_plain(json.loads(kept))

    async def recent_prompts(self, person: str, limit: int) -> list[str]:
        """The prompts of the person's last 500 jobs without repetitions, newest first."""
        rows = await self._database.fetch(
            "SELECT prompt FROM jobs WHERE person = ? ORDER BY sequence DESC LIMIT ?",
            person,
            _RECENT,
        )
        return list(dict.fromkeys(row["prompt"] for row in rows))[:limit]

    async def attachments(self, id: str) -> dict[str, bytes]:
        """The pictures that were attached to the job, by SHA-256; missing files are left out.

        A damaged one is deleted, so that it is stored again when somebody attaches it.
        """
        rows = await self._database.fetch("SELECT sha256 FROM attachments WHERE job_id = ?", id)
        found = {}
        for row in rows:
            sha256, name = row["sha256"], attachment_name(row["sha256"])
            stored = await self.pictures.read(name)
            data = await asyncio.to_thread(intact, name, stored, sha256)
            if data is not None:
                found[sha256] = data
            elif stored is not None:
                await self.pictures.remove(name)
        return found

    async def delete(self, id: str) -> bool:
        """Delete a job: its row, its picture, and attachments that no other job uses."""
        async with self._database.transaction() as transaction:
            orphans = await self._only_attached_to(transaction, id)
            await remove_words(transaction, await self._indexed(transaction, id))
            if not await transaction.change("DELETE FROM jobs WHERE id = ?", id):
                return False
        await self._remove_files(id)
        for sha256 in orphans:
            await self.remove_unused(sha256)
        return True

    async def remove_unused(self, sha256: str) -> bool:
        """Delete the file of an attached picture; False if a job uses it, also a new one."""
        async with self._database.transaction() as transaction:
            await transaction.lock("attachment", sha256)
            if await transaction.fetch(
                "SELECT job_id FROM attachments WHERE sha256 = ? LIMIT 1", sha256
            ):
                return False
            await self.pictures.remove(attachment_name(sha256))
        return True

    async def withdraw(self, sha256: str) -> None:
        """Remove an attached picture from every job that uses it, and frames that show it."""
        async with self._database.transaction() as transaction:
            await transaction.lock("attachment", sha256)
            rows = await transaction.fetch(
                "SELECT job_id FROM attachments WHERE sha256 = ?", sha256
            )
            for row in rows:
                await asyncio.to_thread(self.files.forget_frames, row["job_id"])
            await transaction.change("DELETE FROM attachments WHERE sha256 = ?", sha256)
            await self.pictures.remove(attachment_name(sha256))

    async def _select(self, condition: str, *values: object) -> list[StoredJob]:
        return await select_jobs(self._database, condition, *values)

    async def _only_attached_to(self, transaction: Transaction, id: str) -> list[str]:
        rows = await transaction.fetch(
            "SELECT sha256 FROM attachments mine WHERE job_id = ? AND NOT EXISTS (SELECT 1 FROM "
            "attachments other WHERE other.sha256 = mine.sha256 AND other.job_id <> mine.job_id)",
            id,
        )
        return [row["sha256"] for row in rows]

    async def _indexed(self, transaction: Transaction, id: str) -> list[Row]:
        return await transaction.fetch(
            "SELECT guild_id, sequence, prompt FROM jobs WHERE id = ?", id
        )

    async def _remove_files(self, id: str) -> None:
        await self.pictures.remove(picture_name(id), time_lapse_name(id))
        await self.states.forget(id)
