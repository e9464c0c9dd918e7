"""How much space pictures may take: the oldest are deleted first, kept ones never.

The frames that were recorded for their time-lapses count, and are deleted before any picture.
A job whose picture was deleted stays in the history, without the picture.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from data.database import Database
from data.jobs.files import Files
from data.jobs.stored import UNFINISHED, in_states
from data.pictures.base import Pictures
from data.pictures.names import picture_name

_BATCH = 200


@dataclass(frozen=True)
class Room:
    """The bytes that pictures take, after ``removed`` of them were deleted."""

    used: int
    removed: int


class Quota:
    """Marks and deletes pictures; every method raises StoreError if something fails."""

    def __init__(self, database: Database, job_files: Files, pictures: Pictures) -> None:
        self._database = database
        self._files = job_files
        self._pictures = pictures

    async def keep(self, id: str, kept: bool = True) -> bool:
        """Protect a job's picture from the quota, or stop doing so; False if there is no job."""
        return (
            await self._database.change("UPDATE jobs SET kept = ? WHERE id = ?", int(kept), id) > 0
        )

    async def is_kept(self, id: str) -> bool:
        """Whether the job's picture is protected from the quota."""
        return id in await self.kept_among([id])

    async def kept_among(self, ids: Sequence[str]) -> set[str]:
        """Those of the jobs ``ids`` whose pictures are protected from the quota."""
        if not ids:
            return set()
        marks = ", ".join("?" for _ in ids)
        rows = await self._database.fetch(
            f"SELECT id FROM jobs WHERE kept <> 0 AND id IN ({marks})",  # noqa: S608  marks
            *ids,
        )
        return {row["id"] for row in rows}

    async def used(self) -> int:
        """The bytes that pictures and their recorded frames take."""
        return await self._pictures.used() + await asyncio.to_thread(self._files.frames_size)

    async def limit_frames(self, limit: int) -> int:
        """Delete recorded frames, oldest first, until they take at most ``limit`` bytes.

        Those of unfinished jobs are spared. Returns how many bytes they take afterwards.
        """
        rows = await self._database.fetch(f"SELECT id FROM jobs WHERE {in_states(UNFINISHED)}")  # noqa: S608  constants
        return await asyncio.to_thread(
            self._files.thin_out_frames, [row["id"] for row in rows], limit
        )

    async def make_room(self, limit: int) -> Room:
        """Delete frames, then pictures, oldest first, until they take at most ``limit`` bytes.

        Only pictures of jobs whose end was told and that nobody marked to keep are deleted, so
        what is left may be more than ``limit``.
        """
        used, removed = await self.used(), 0
        if used > limit and (frames := await asyncio.to_thread(self._files.frames_size)):
            pictures = used - frames
            used = pictures + await self.limit_frames(max(0, limit - pictures))
        after = -1
        while used > limit:
            rows = await self._database.fetch(
                "SELECT id, sequence FROM jobs WHERE picture IS NOT NULL AND kept = 0 "
                "AND delivered_at IS NOT NULL AND sequence > ? ORDER BY sequence LIMIT ?",
                after,
                _BATCH,
            )
            if not rows:
                break
            for row in rows:
                if used <= limit:
                    break
                after = row["sequence"]
                # Checked again within the transaction: it may have been marked just now.
                async with self._database.transaction() as transaction:
                    if not await transaction.change(
                        "UPDATE jobs SET picture = NULL WHERE id = ? AND kept = 0 "
                        "AND picture IS NOT NULL",
                        row["id"],
                    ):
                        continue
                    used -= await self._pictures.discard(picture_name(row["id"]))
                    await asyncio.to_thread(self._files.forget_frames, row["id"])
                removed += 1
        return Room(used, removed)
