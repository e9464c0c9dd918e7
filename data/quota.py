"""How much disk the pictures may take: the oldest go first, and those that are kept never.

Takes the open Database. A row whose picture went stays in the history, without it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from data.database import Database
from data.errors import StoreError
from data.files import Files

_AT_A_TIME = 200


@dataclass(frozen=True)
class Room:
    """What the pictures take, in bytes, after ``removed`` of them went."""

    used: int
    removed: int


async def keep(database: Database, id: str, kept: bool = True) -> bool:
    """Mark a job's picture as one that the quota spares, or no longer; False without such a job.

    Raises StoreError.
    """
    return await database.change("UPDATE jobs SET kept = ? WHERE id = ?", int(kept), id) > 0


async def is_kept(database: Database, id: str) -> bool:
    """Whether the quota spares the job's picture. Raises StoreError."""
    rows = await database.fetch("SELECT kept FROM jobs WHERE id = ?", id)
    return bool(rows) and bool(rows[0]["kept"])


async def kept_of(database: Database, ids: Sequence[str]) -> set[str]:
    """Those of the jobs ``ids`` whose pictures the quota spares. Raises StoreError."""
    marks = ", ".join("?" for _ in ids)
    rows = await database.fetch(
        f"SELECT id FROM jobs WHERE kept <> 0 AND id IN ({marks})", *ids)  # noqa: S608  marks
    return {row["id"] for row in rows}


async def make_room(database: Database, files: Files, limit: int) -> Room:
    """Remove pictures, oldest first, until they take ``limit`` bytes at most.

    Only of jobs that are over and whose end was told, and that nobody marked to keep: what is
    left may be more. Raises StoreError.
    """
    folder = files.folder / "pictures"
    used, removed = await asyncio.to_thread(folder_size, folder), 0
    after = -1
    while used > limit:
        rows = await database.fetch(
            "SELECT id, sequence FROM jobs WHERE picture IS NOT NULL AND kept = 0 "
            "AND delivered_at IS NOT NULL AND sequence > ? ORDER BY sequence LIMIT ?",
            after, _AT_A_TIME)
        if not rows:
            break
        for row in rows:
            if used <= limit:
                break
            after = row["sequence"]
            # Asked once more in the same breath: somebody may have marked it just now.
            async with database.transaction() as transaction:
                if not await transaction.change(
                        "UPDATE jobs SET picture = NULL WHERE id = ? AND kept = 0", row["id"]):
                    continue
                used -= await asyncio.to_thread(_size, files.picture(row["id"]))
                await asyncio.to_thread(files.remove_picture, row["id"])
            removed += 1
    return Room(used, removed)


def folder_size(folder: Path) -> int:
    """The bytes of the files in ``folder``, those of folders in it left out. Blocks."""
    total = 0
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_file(follow_symlinks=False):
                    total += _size(Path(entry.path))
    except OSError as error:
        raise StoreError("The folder {folder} cannot be read: {reason}.", folder=folder,
                         reason=error.strerror) from None
    return total


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # gone meanwhile
