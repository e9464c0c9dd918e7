"""Backups of the database: made while the bot works, checked, pruned and restored.

Everything here blocks: never call it on the event loop.
"""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from data.disk import sync
from data.errors import StoreError
from data.jobs.owners import Owner
from data.migrations import migrations

DATABASE = "imagine-bot.sqlite3"
FOLDER = "backups"
_NAME = re.compile(r"imagine-bot-(\d{8}T\d{6}Z)(?:-\d+)?\.sqlite3")
_DATE = "%Y%m%dT%H%M%SZ"
_BUSY_SECONDS = 10.0
_INSTRUCTIONS = 10_000  # of SQLite's virtual machine, between two looks at the clock
_WAL, _SHM = "-wal", "-shm"


@dataclass(frozen=True)
class Backup:
    """One backup, made at ``made`` (UTC)."""

    path: Path
    made: datetime


def backups(folder: Path) -> list[Backup]:
    """The backups in the data folder ``folder``, newest first."""
    found = []
    with contextlib.suppress(OSError):
        for path in (folder / FOLDER).iterdir():
            name = _NAME.fullmatch(path.name)
            if name is not None:
                found.append(Backup(path, datetime.strptime(name[1], _DATE).replace(tzinfo=UTC)))
    return sorted(found, key=lambda backup: (backup.made, backup.path.name), reverse=True)


def back_up(folder: Path, target: Path | None = None) -> Path:
    """Back up the database of the data folder ``folder``, also while a bot uses it.

    Without ``target`` the copy is named by the time and is one of :func:`backups`. It is checked,
    and appears under its name only when it is complete. Raises StoreError.
    """
    source = folder / DATABASE
    if not source.is_file():
        raise StoreError(f"There is no database in {folder} to back up. Check IMAGINE_DATA_FOLDER.")
    if target is None:
        target = free_path(folder / FOLDER, "imagine-bot")
    elif target.exists():
        raise StoreError(f"{target} already exists. Choose another file.")
    copy_database(source, target)
    return target


def prune(folder: Path, keep: int) -> int:
    """Delete all but the ``keep`` newest backups; returns how many. Raises StoreError."""
    old = backups(folder)[keep:]
    for backup in old:
        try:
            backup.path.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(
                f"The old backup {backup.path} can't be deleted: {error.strerror}."
            ) from None
    return len(old)


def refuse_in_use(folder: Path) -> None:
    """Raise StoreError if another process of this machine is using ``folder``."""
    owners = folder / "owners"
    if not owners.is_dir():
        return
    me = Owner(owners)
    try:
        others = {path.stem for path in owners.glob("*.lock")} - {me.name, *me.dead()}
    finally:
        me.close()
    if others:
        raise StoreError(f"A bot is using {folder}. Stop it first.")


def check_copy(file: Path) -> int:
    """The version of the backup ``file``; raises StoreError if it cannot be restored."""
    if not file.is_file():
        raise StoreError(
            f"There is no file {file}. Backups are in the folder {FOLDER} of the data folder."
        )
    wrong = damage(file, thorough=True)
    if wrong is not None:
        raise StoreError(f"{file} is damaged ({wrong}). Choose another backup.")
    version, newest = version_of(file), migrations()[-1][0]
    if version > newest:
        raise StoreError(
            f"{file} was written by a newer imagine-bot (version {version}; this "
            f"one knows {newest}). Update the bot first."
        )
    if version == 0:
        raise StoreError(f"{file} isn't a database of imagine-bot. Choose another file.")
    return version


def damage(path: Path, *, thorough: bool = False, seconds: float | None = None) -> str | None:
    """What is wrong with the database at ``path``, in SQLite's words; None if it is intact.

    ``thorough`` also compares the indices with the tables, which takes several times as long.
    With ``seconds`` the check ends after that time, and None means that nothing was found so far.
    Raises StoreError if it cannot be checked, for example because it is locked.
    """
    check = "integrity_check" if thorough else "quick_check"
    until = None if seconds is None else time.monotonic() + seconds
    try:
        with _reading(path) as connection:
            if until is not None:
                connection.set_progress_handler(lambda: time.monotonic() > until, _INSTRUCTIONS)
            found = connection.execute(f"PRAGMA {check}(1)").fetchone()
            return None if found[0] == "ok" else str(found[0])
    except sqlite3.DatabaseError as error:
        if is_damage(error):
            return str(error)
        if until is not None and error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
            return None
        raise StoreError(f"The database {path} can't be read: {error}.") from None


def is_damage(error: sqlite3.Error) -> bool:
    """Whether ``error`` says that the file is damaged, and not just unavailable."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def version_of(path: Path) -> int:
    """The version of the database at ``path``, 0 if it has none. Raises StoreError."""
    try:
        with _reading(path) as connection:
            return int(connection.execute("PRAGMA user_version").fetchone()[0])
    except sqlite3.Error as error:
        raise StoreError(f"The database {path} can't be read: {error}.") from None


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    address = f"{path.absolute().as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(address, uri=True, timeout=_BUSY_SECONDS)) as found:
        yield found


def copy_database(source: Path, target: Path) -> None:
    """Copy a database with SQLite's online backup and flush it to disk; raises StoreError.

    The copy is the state at one moment, whatever is written meanwhile, in one file without a log.
    """
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.unlink(missing_ok=True)
        with _reading(source) as reading, contextlib.closing(sqlite3.connect(temporary)) as writing:
            # All pages in one step: in write-ahead mode a reader blocks no writer, and a copy in
            # several steps would restart after each write in between.
            reading.backup(writing, pages=-1)
            writing.execute("PRAGMA journal_mode = DELETE")
        wrong = damage(temporary)
        if wrong is not None:
            raise StoreError(
                f"The copy of {source} is damaged ({wrong}), so {source} may be as "
                "well. Run `python -m bot doctor`."
            )
        sync(temporary)
        os.replace(temporary, target)
        sync(target.parent)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"{source} can't be copied to {target}: {error}.") from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def replace_database(folder: Path, copy: Path | None, why: str) -> Path | None:
    """Set the database of ``folder`` aside and put ``copy`` in its place.

    Returns the old one's new path, with ``why`` in its name, or None if there was none. Without
    ``copy`` there is no database afterwards. It must not be open. Raises StoreError.
    """
    path = folder / DATABASE
    new = path.with_name(f".{path.name}.new")
    if copy is not None:
        copy_database(copy, new)
    try:
        aside = None
        if path.exists():
            aside = free_path(folder, f"imagine-bot-{why}")
            # The log first: SQLite would replay it into any other database with that name.
            for suffix in (_WAL, _SHM):
                with contextlib.suppress(FileNotFoundError):
                    os.replace(f"{path}{suffix}", f"{aside}{suffix}")
            os.replace(path, aside)
        if copy is not None:
            os.replace(new, path)
        sync(folder)
    except OSError as error:
        raise StoreError(f"{path} can't be set aside: {error.strerror}.") from None
    return aside


def free_path(folder: Path, name: str) -> Path:
    """An unused path in ``folder``: ``name``, the time (UTC) and .sqlite3."""
    stem = f"{name}-{datetime.now(UTC).strftime(_DATE)}"
    path, number = folder / f"{stem}.sqlite3", 1
    while path.exists():
        number += 1
        path = folder / f"{stem}-{number}.sqlite3"
    return path
