"""The SQLite file: opening it, migrating it, one transaction at a time."""

from __future__ import annotations

import asyncio
import contextlib
import re
import sqlite3
import time
from collections.abc import AsyncIterator, Sequence
from importlib import resources
from pathlib import Path

import aiosqlite

from data.database import Row
from data.errors import StoreError

_NAME = re.compile(r"(\d{3})_[a-z0-9_]+\.sql")
_BUSY_SECONDS = 10.0


def migrations() -> list[tuple[int, str]]:
    """(version, script) of every migration in the package, in order."""
    found = []
    for file in resources.files("data.sqlite").joinpath("migrations").iterdir():
        name = _NAME.fullmatch(file.name)
        if name is not None:
            found.append((int(name[1]), file.read_text("utf-8")))
    return sorted(found)


class SqliteDatabase:
    """One connection, used by one task at a time; opened with :meth:`open`.

    Every statement has its values bound, with ``?``. Whatever SQLite raises comes out as a
    StoreError.
    """

    def __init__(self, path: Path, connection: aiosqlite.Connection) -> None:
        self.path = path
        self._connection = connection
        self._lock = asyncio.Lock()

    @classmethod
    async def open(cls, path: Path,
                   scripts: Sequence[tuple[int, str]] | None = None) -> SqliteDatabase:
        """Open ``path``, made where it is not there, and migrate it.

        ``scripts`` are the migrations, without them the package's. Raises StoreError where it
        cannot be opened, is no database, or is of a newer version than is known here.
        """
        known = await asyncio.to_thread(migrations) if scripts is None else scripts
        connection = None
        try:
            # Autocommit: transactions begin where transaction() says so, nowhere else.
            connection = await aiosqlite.connect(path, isolation_level=None,
                                                 timeout=_BUSY_SECONDS)
            connection.row_factory = sqlite3.Row
            await _write_ahead(connection)
            # Who was told "queued" is in the queue, even if the power goes off now.
            await connection.execute("PRAGMA synchronous = FULL")
            await connection.execute("PRAGMA foreign_keys = ON")
            # Its rows are small; more would only grow until it is full.
            await connection.execute("PRAGMA cache_size = -512")
            # What is deleted is overwritten, and not only unlinked.
            await connection.execute("PRAGMA secure_delete = ON")
            await _migrate(connection, path, known)
        except sqlite3.Error as error:
            if connection is not None:
                await connection.close()
            raise StoreError("The database {path} cannot be opened ({reason}); see whether the "
                             "file is one, and may be written.", path=path, reason=error) from error
        except BaseException:
            if connection is not None:
                await connection.close()
            raise
        return cls(path, connection)

    async def close(self) -> None:
        """Close the connection."""
        async with self._lock:
            await self._connection.close()

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[SqliteTransaction]:
        """All that the body does is written down, or nothing of it."""
        async with self._lock:
            try:
                try:
                    await self._connection.execute("BEGIN IMMEDIATE")
                    yield SqliteTransaction(self._connection)
                    await self._connection.execute("COMMIT")
                except BaseException:
                    # A BEGIN or COMMIT whose caller was cancelled goes through all the same, in
                    # its turn on the connection's thread. rollback() takes its turn after it,
                    # and does nothing where no transaction is open by then.
                    await asyncio.shield(self._connection.rollback())
                    raise
            except sqlite3.Error as error:
                raise StoreError("The database {path} cannot be used: {reason}.", path=self.path,
                                 reason=error) from error

    async def fetch(self, sql: str, *values: object) -> list[Row]:
        """The rows that ``sql`` finds."""
        async with self._lock:
            try:
                return await SqliteTransaction(self._connection).fetch(sql, *values)
            except sqlite3.Error as error:
                raise StoreError("The database {path} cannot be read: {reason}.", path=self.path,
                                 reason=error) from error

    async def columns(self) -> list[tuple[str, str]]:
        """(table, column) of every column in the database."""
        rows = await self.fetch(
            "SELECT tables.name AS table_name, columns.name AS column_name "
            "FROM sqlite_master AS tables JOIN pragma_table_info(tables.name) AS columns "
            "WHERE tables.type = 'table' AND tables.name NOT LIKE 'sqlite_%'")
        return [(row["table_name"], row["column_name"]) for row in rows]

    async def scrub(self, *, rebuild: bool = False) -> bool:
        """Leave nothing of what was deleted in the log; False where somebody else reads it.

        ``rebuild`` writes the file itself anew as well, without the pages that nothing uses.
        """
        async with self._lock:
            try:
                if rebuild:
                    await self._connection.execute("VACUUM")
                [checkpoint] = await self._connection.execute_fetchall(
                    "PRAGMA wal_checkpoint(TRUNCATE)")
            except sqlite3.Error as error:
                raise StoreError("The database {path} cannot be used: {reason}.", path=self.path,
                                 reason=error) from error
        return not checkpoint["busy"]

    async def change(self, sql: str, *values: object) -> int:
        """Run one statement as a transaction of its own; how many rows it changed."""
        async with self.transaction() as transaction:
            return await transaction.change(sql, *values)


class SqliteTransaction:
    """What can be done within a transaction."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection

    async def fetch(self, sql: str, *values: object) -> list[Row]:
        """The rows that ``sql`` finds."""
        rows = await self._connection.execute_fetchall(sql, values)
        return [dict(row) for row in rows]

    async def change(self, sql: str, *values: object) -> int:
        """How many rows ``sql`` changed."""
        async with self._connection.execute(sql, values) as cursor:
            return cursor.rowcount


async def _write_ahead(connection: aiosqlite.Connection) -> None:
    """Switch to write-ahead logging, once nobody else is at it.

    The switch needs the file for itself, and SQLite does not wait for that as long as it waits
    for any other lock: of two processes that start at once, one is told "locked" at once.
    """
    until = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            await connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
        await asyncio.sleep(0.02)


async def _version(connection: aiosqlite.Connection) -> int:
    async with connection.execute("PRAGMA user_version") as cursor:
        row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


async def _migrate(connection: aiosqlite.Connection, path: Path,
                   scripts: Sequence[tuple[int, str]]) -> None:
    """Run what is missing. Each script is a transaction that sets the version itself."""
    newest = max((number for number, _ in scripts), default=0)
    version = await _version(connection)
    if version > newest:
        raise StoreError("The database {path} was written by a newer imagine-bot (version "
                         "{version}, known here are {newest}); update the bot.", path=path,
                         version=version, newest=newest)
    for number, script in scripts:
        if number <= version:
            continue
        try:
            await connection.executescript(script)
        except sqlite3.Error:
            if connection.in_transaction:
                await connection.execute("ROLLBACK")
            # Another process that was started beside this one may have been first.
            if await _version(connection) < number:
                raise
        version = await _version(connection)
        if version < number:
            raise StoreError("Migration {number} left the database {path} at version {version}.",
                             number=number, path=path, version=version)
