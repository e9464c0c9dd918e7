"""Putting a copy of the database back: by hand, or where the database is found damaged.

What stood there before is set aside, never removed; and it is said loudly, for what was written
since the copy was made is there alone. Blocks: not for the event loop.
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

_PNG = b"\x89PNG\r\n\x1a\n"


def restore(folder: Path, file: Path) -> Path | None:
    """Put the copy ``file`` in the place of the database; where the former one lies now.

    None where there was none. Raises StoreError, with nothing changed, where a bot works with the
    folder, or the copy is damaged, none of ours or of a newer version.
    """
    refuse_in_use(folder)
    check_copy(file)
    aside = replace_database(folder, file, "replaced")
    settle(folder)
    set_files_aside(folder)
    return aside


def recover(folder: Path) -> bool:
    """See whether the database of ``folder`` is sound, and help where it is not; whether it was.

    Raises StoreError where another bot has it open, or it cannot be set aside.
    """
    path = folder / DATABASE
    if not path.exists():
        _missing(folder)
        return True
    copies = backups(folder)
    wrong = damage(path)
    # A new database is empty for a moment; one that has been copied before was not new.
    if wrong is None and copies and path.stat().st_size == 0 and not _has_log(path):
        wrong = "the file is empty"
    if wrong is None:
        return True
    log.critical("The database %s is damaged: %s", path, wrong)
    try:
        refuse_in_use(folder)
    except StoreError:
        raise StoreError(f"The database {path} is damaged ({wrong}), and another bot is working "
                         "with it; stop that one, then start this one again.") from None
    good = _newest_good(copies)
    aside = replace_database(folder, None if good is None else good.path, "damaged")
    log.critical("The damaged database was set aside as %s; nothing of it was removed", aside)
    if good is None:
        log.critical("There is no good backup of it: the bot starts with an empty queue and an "
                     "empty history")
    else:
        log.critical("The backup %s, made at %s, was put in its place: what was asked, painted or "
                     "set since then is missing from it", good.path.name,
                     good.made.isoformat(timespec="seconds"))
        settle(folder)
    set_files_aside(folder)
    return False


def _missing(folder: Path) -> None:
    copies = backups(folder)
    if copies:
        log.warning("There is no database in %s, so a new one is made; to have the newest backup "
                    "instead, stop the bot, move the new one away and run: python -m bot restore "
                    "%s", folder, copies[0].path)


def _has_log(path: Path) -> bool:
    with contextlib.suppress(OSError):
        return path.with_name(f"{path.name}-wal").stat().st_size > 0
    return False


def _newest_good(copies: list[Backup]) -> Backup | None:
    for copy in copies:
        try:
            check_copy(copy.path)
        except StoreError as error:
            log.error("A backup cannot be used: %s", error)
            continue
        return copy
    return None


def settle(folder: Path) -> int:
    """In a database that was put back, finish what was painted since; how many jobs.

    Jobs that waited when the copy was made may have been painted and posted after it. Where a
    job's picture lies on disk it counts as rendered, and the delivery looks into the channel
    before it posts: so nothing is painted or posted twice. Raises StoreError.
    """
    files, path = Files(folder), folder / DATABASE
    settled = 0
    try:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            waiting = connection.execute(
                "SELECT id, seed, created_at FROM jobs WHERE state IN ('queued', 'running') "
                "AND COALESCE(wish, '') <> 'cancel'").fetchall()
            for id, seed, created_at in waiting:
                picture = files.picture(id)
                size = _png_size(picture)
                if size is None:
                    continue
                result = {"seed": seed, "seconds": 0.0, "iterations": 0, "width": size[0],
                          "height": size[1], "notices": [], "stopped": False}
                connection.execute(
                    "UPDATE jobs SET state = 'rendered', picture = ?, result = ?, ended_at = ? "
                    "WHERE id = ?", (picture.name, json.dumps(result), created_at, id))
                settled += 1
            # Nobody works on them: whoever starts next need not wait for a lease to run out.
            connection.execute("UPDATE jobs SET owner = NULL, lease_until = 0 "
                               "WHERE delivered_at IS NULL")
            connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise StoreError(f"The database {path} cannot be used: {error}.") from None
    if settled:
        log.warning("%d jobs of the backup had been painted since; they are not painted again",
                    settled)
    return settled


def set_files_aside(folder: Path) -> int:
    """Move pictures that the database of ``folder`` does not know to a folder beside; how many.

    Where they lie, files of no job are taken for rubbish (data.retention). Raises StoreError.
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
        raise StoreError(f"The files of {folder} cannot be moved to {aside}: "
                         f"{error.strerror}.") from None
    if moved:
        log.critical("%d pictures that the database does not know were moved to %s; nothing of "
                     "them was removed", moved, aside)
    return moved


def _known(path: Path) -> tuple[set[str], set[str]]:
    """The ids of the jobs and the SHA-256 of the attachments; none where there is no database."""
    if not path.exists():
        return set(), set()
    try:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            return ({row[0] for row in connection.execute("SELECT id FROM jobs")},
                    {row[0] for row in connection.execute("SELECT sha256 FROM attachments")})
    except sqlite3.Error as error:
        raise StoreError(f"The database {path} cannot be used: {error}.") from None


def _png_size(path: Path) -> tuple[int, int] | None:
    """Width and height in pixels of a PNG, from its header; None where there is none."""
    with contextlib.suppress(OSError), path.open("rb") as file:
        head = file.read(24)
        if len(head) == 24 and head.startswith(_PNG):
            width, height = struct.unpack(">II", head[16:])
            return width, height
    return None
