"""Restoring a backup of the database: on request, or if the database is found damaged.

The old database is set aside, never deleted, and this is logged as critical: data that was written
since the backup is only there. Everything here blocks: never call it on the event loop.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sqlite3
import struct
from pathlib import Path

from data.errors import StoreError
from data.jobs.files import Files
from data.sqlite.backup import (
    DATABASE,
    Backup,
    backups,
    check_copy,
    damage,
    free_path,
    refuse_in_use,
    replace_database,
)

log = logging.getLogger("data.sqlite.recovery")

SUSPECTED = "database-damaged"
START_SECONDS = 1.0
_PNG = b"\x89PNG\r\n\x1a\n"


def restore(folder: Path, file: Path) -> Path | None:
    """Replace the database by the backup ``file``; returns the old one's new path, if any.

    Raises StoreError, with nothing changed, if a bot is using the folder, or if the backup is
    damaged, of another program or of a newer version.
    """
    refuse_in_use(folder)
    check_copy(file)
    aside = replace_database(folder, file, "replaced")
    mark_painted(folder)
    set_files_aside(folder)
    return aside


def recover(folder: Path) -> bool:
    """Check the database of ``folder`` and restore the newest good backup if it is damaged.

    A large database is only checked for a second, because people wait for the start; the rest
    is done by :func:`check_whole` while the bot works. If that found damage, the whole is checked.

    Returns whether it was intact. Raises StoreError if another bot is using a damaged one, or if
    it cannot be set aside.
    """
    path = folder / DATABASE
    if not path.exists():
        _warn_if_missing(folder)
        return True
    copies = backups(folder)
    suspected = folder / SUSPECTED
    wrong = damage(path, seconds=None if suspected.exists() else START_SECONDS)
    # A new database is empty for a moment, but one that has backups is not new.
    if wrong is None and copies and path.stat().st_size == 0 and not _has_log(path):
        wrong = "the file is empty"
    if wrong is None:
        suspected.unlink(missing_ok=True)
        return True
    log.critical("The database %s is damaged: %s", path, wrong)
    try:
        refuse_in_use(folder)
    except StoreError:
        raise StoreError(
            f"The database {path} is damaged ({wrong}), and another bot is using "
            "it. Stop that bot, then start this one again."
        ) from None
    good = _newest_good(copies)
    aside = replace_database(folder, None if good is None else good.path, "damaged")
    log.critical("The damaged database was set aside as %s; none of it was deleted", aside)
    if good is None:
        log.critical(
            "There is no good backup, so the bot starts with an empty queue and an empty history"
        )
    else:
        log.critical(
            "The backup %s of %s was restored. Requests, pictures and settings since "
            "then are missing from it",
            good.path.name,
            good.made.isoformat(timespec="seconds"),
        )
        mark_painted(folder)
    set_files_aside(folder)
    suspected.unlink(missing_ok=True)
    return False


def check_whole(folder: Path) -> str | None:
    """Check the whole database of ``folder`` while a bot uses it; returns what is wrong, or None.

    Damage is noted down, so that the next start restores a backup. Raises StoreError.
    """
    wrong = damage(folder / DATABASE)
    if wrong is not None:
        (folder / SUSPECTED).touch()
        log.critical(
            "The database %s is damaged (%s). Restart the bot: it then uses the newest good backup",
            folder / DATABASE,
            wrong,
        )
    return wrong


def _warn_if_missing(folder: Path) -> None:
    copies = backups(folder)
    if copies:
        log.warning(
            "There is no database in %s, so a new one is created. To use the newest "
            "backup instead, stop the bot, move the new database away and run: python -m "
            "bot restore %s",
            folder,
            copies[0].path,
        )


def _has_log(path: Path) -> bool:
    with contextlib.suppress(OSError):
        return path.with_name(f"{path.name}-wal").stat().st_size > 0
    return False


def _newest_good(copies: list[Backup]) -> Backup | None:
    for copy in copies:
        try:
            check_copy(copy.path)
        except StoreError as error:
            log.error("A backup can't be used: %s", error)
            continue
        return copy
    return None


def mark_painted(folder: Path) -> int:
    """Mark unfinished jobs of a restored database as rendered if their pictures are on disk.

    They were painted, and maybe posted, after the backup. The delivery checks the channel before
    it posts, so nothing is painted or posted twice. Returns how many. Raises StoreError.
    """
    files, path = Files(folder), folder / DATABASE
    marked = 0
    try:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            waiting = connection.execute(
                "SELECT id, seed, created_at FROM jobs WHERE state IN ('queued', 'running') "
                "AND COALESCE(wish, '') <> 'cancel'"
            ).fetchall()
            for id, seed, created_at in waiting:
                picture = files.picture(id)
                size = _png_size(picture)
                if size is None:
                    continue
                result = {
                    "seed": seed,
                    "seconds": 0.0,
                    "iterations": 0,
                    "width": size[0],
                    "height": size[1],
                    "notices": [],
                    "stopped": False,
                }
                connection.execute(
                    "UPDATE jobs SET state = 'rendered', picture = ?, result = ?, ended_at = ? "
                    "WHERE id = ?",
                    (picture.name, json.dumps(result), created_at, id),
                )
                marked += 1
            # No bot is running: the next one need not wait for leases to expire.
            connection.execute(
                "UPDATE jobs SET owner = NULL, lease_until = 0 WHERE delivered_at IS NULL"
            )
            connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise StoreError(f"The database {path} can't be used: {error}.") from None
    if marked:
        log.warning("%d jobs of the backup were painted since; they are not painted again", marked)
    return marked


def set_files_aside(folder: Path) -> int:
    """Move files that the database of ``folder`` does not know to a new folder; returns how many.

    In their place they would be deleted as orphaned (see data.retention). Raises StoreError.
    """
    pictures, attachments = _known(folder / DATABASE)
    aside = free_path(folder, "files-aside").with_suffix("")
    moved = 0
    try:
        for name, known in (("pictures", pictures), ("attachments", attachments)):
            for file in (folder / name).glob("*"):
                if file.stem not in known and not file.name.startswith("."):
                    (aside / name).mkdir(parents=True, exist_ok=True)
                    os.replace(file, aside / name / file.name)
                    moved += 1
    except OSError as error:
        raise StoreError(
            f"The files of {folder} can't be moved to {aside}: {error.strerror}."
        ) from None
    if moved:
        log.critical(
            "%d files that the database does not know were moved to %s; none were deleted",
            moved,
            aside,
        )
    return moved


def _known(path: Path) -> tuple[set[str], set[str]]:
    """The ids of all jobs and the SHA-256 of all attachments; empty without a database."""
    if not path.exists():
        return set(), set()
    try:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            return (
                {row[0] for row in connection.execute("SELECT id FROM jobs")},
                {row[0] for row in connection.execute("SELECT sha256 FROM attachments")},
            )
    except sqlite3.Error as error:
        raise StoreError(f"The database {path} can't be used: {error}.") from None


def _png_size(path: Path) -> tuple[int, int] | None:
    """Width and height in pixels from a PNG's header; None if it is missing or not a PNG."""
    with contextlib.suppress(OSError), path.open("rb") as file:
        head = file.read(24)
        if len(head) == 24 and head.startswith(_PNG):
            width, height = struct.unpack(">II", head[16:])
            return width, height
    return None
