"""The SQLite file: opening it, migrating it, one transaction at a time, reads next to it."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import aiosqlite

from data.database import Row
from data.dialect import for_sqlite
from data.errors import StoreError
from data.migrations import check_known, migrations
from data.sqlite.readers import BUSY_SECONDS, Readers, row_as_dict
from engine.clock import now_ms

# Reads take milliseconds, so that few connections serve many people.
_READERS, _SCANNERS = 4, 1
# A smaller file is rebuilt in a fraction of a second.
REBUILD_BYTES = 16_000_000


class SqliteDatabase:
    """One connection that writes, for one task at a time, and others that only read.

    No read waits for a write: in write-ahead mode a reader sees the state before it. Opened with
    :meth:`open`. Values are bound, with ``?``. SQLite's errors are raised as StoreError.
    """

    def __init__(
        self, path: Path, connection: aiosqlite.Connection, readers: Readers, scanners: Readers
    ) -> None:
        self.path = path
        self._connection = connection
        self._readers = readers
        self._scanners = scanners
        self._lock = asyncio.Lock()
        self._listeners: dict[str, list[Callable[[], None]]] = {}

    @classmethod
    async def open(
        cls, path: Path, scripts: Sequence[tuple[int, str]] | None = None
    ) -> SqliteDatabase:
        """Open ``path``, creating it if missing, and migrate it.

        ``scripts`` are the migrations, by default the package's. Raises StoreError if the file
        cannot be opened, is not a database, or has a newer version than the last migration.
        """
        known = await asyncio.to_thread(migrations) if scripts is None else scripts
        connection = readers = None
        try:
            # Autocommit: only transaction() starts transactions.
            connection = await aiosqlite.connect(path, isolation_level=None, timeout=BUSY_SECONDS)
            await _write_ahead(connection)
            # A job that was confirmed as queued survives a power failure.
            await connection.execute("PRAGMA synchronous = FULL")
            await connection.execute("PRAGMA foreign_keys = ON")
            # The rows are small; a larger cache would only use memory.
            await connection.execute("PRAGMA cache_size = -512")
            # Deleted data is overwritten, not only unlinked.
            await connection.execute("PRAGMA secure_delete = ON")
            await _migrate(connection, path, known)
            connection.row_factory = row_as_dict  # type: ignore[assignment]  # a function works too
            readers = await Readers.open(path, _READERS)
            scanners = await Readers.open(path, _SCANNERS)
        except sqlite3.Error as error:
            await _close(connection, readers)
            raise StoreError(
                "The database {path} can't be opened ({reason}). Check that the "
                "file is a database and writable.",
                path=path,
                reason=error,
            ) from error
        except BaseException:
            await _close(connection, readers)
            raise
        return cls(path, connection, readers, scanners)

    async def close(self) -> None:
        """Close the connections, after other calls have ended."""
        await self._readers.close()
        await self._scanners.close()
        async with self._lock:
            await self._connection.close()

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[SqliteTransaction]:
        """Write down everything that the body does, or nothing."""
        async with self._lock:
            try:
                try:
                    await self._connection.execute("BEGIN IMMEDIATE")
                    transaction = SqliteTransaction(self._connection)
                    yield transaction
                    await self._connection.execute("COMMIT")
                except BaseException:
                    # A BEGIN or COMMIT is still executed on the connection's thread after its
                    # caller was cancelled. rollback() waits for it, and does nothing if no
                    # transaction is open then.
                    await asyncio.shield(self._connection.rollback())
                    raise
            except sqlite3.Error as error:
                raise StoreError(
                    "The database {path} can't be used: {reason}.", path=self.path, reason=error
                ) from error
        for channel in transaction.told:
            for heard in self._listeners.get(channel, ()):
                heard()

    async def fetch(self, sql: str, *values: object) -> list[Row]:
        """The rows that ``sql`` finds."""
        return await self._read(self._readers, sql, values)

    async def scan(self, sql: str, *values: object) -> list[Row]:
        """The same, on a connection that no short read waits for."""
        return await self._read(self._scanners, sql, values)

    async def _read(self, readers: Readers, sql: str, values: Sequence[object]) -> list[Row]:
        try:
            return await readers.fetch(for_sqlite(sql), values)
        except sqlite3.Error as error:
            raise StoreError(
                "The database {path} can't be read: {reason}.", path=self.path, reason=error
            ) from error

    def listen(self, channel: str, heard: Callable[[], None]) -> None:
        """Call ``heard`` when something is told to ``channel``; only this process's is heard."""
        self._listeners.setdefault(channel, []).append(heard)

    def now(self) -> int:
        """The time of this machine, on which all processes are that use the file."""
        return now_ms()

    async def columns(self) -> list[tuple[str, str]]:
        """(table, column) of every column in the database."""
        rows = await self.fetch(
            "SELECT tables.name AS table_name, columns.name AS column_name "
            "FROM sqlite_master AS tables JOIN pragma_table_info(tables.name) AS columns "
            "WHERE tables.type = 'table' AND tables.name NOT LIKE 'sqlite_%'"
        )
        return [(row["table_name"], row["column_name"]) for row in rows]

    async def scrub(self) -> bool:
        """Remove deleted data from the log; False if it is in use, so that some may be left.

        ``secure_delete`` has overwritten the rows in the file. SQLite also moves rows between
        pages, which can leave a copy in the unused part of a page: a small file is rebuilt
        without those. A large one is not, because nothing could be written for minutes.
        """
        size = await asyncio.to_thread(self.path.stat)
        if size.st_size <= REBUILD_BYTES:
            async with self._lock:
                try:
                    await self._connection.execute("VACUUM")
                except sqlite3.Error as error:
                    raise StoreError(
                        "The database {path} can't be used: {reason}.", path=self.path, reason=error
                    ) from error
        try:
            return await asyncio.to_thread(_empty_log, self.path)
        except sqlite3.Error as error:
            raise StoreError(
                "The database {path} can't be used: {reason}.", path=self.path, reason=error
            ) from error

    async def change(self, sql: str, *values: object) -> int:
        """Run one statement as a transaction of its own; returns how many rows it changed."""
        async with self.transaction() as transaction:
            return await transaction.change(sql, *values)


class SqliteTransaction:
    """What can be done within a transaction."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection
        self.told: dict[str, None] = {}

    async def lock(self, what: str, *names: str) -> None:
        """Nothing: no other transaction writes until this one ends."""

    async def tell(self, channel: str) -> None:
        """Wake those who listen in this process, when this is written down."""
        self.told[channel] = None

    async def fetch(self, sql: str, *values: object) -> list[Row]:
        """The rows that ``sql`` finds."""
        rows: Any = await self._connection.execute_fetchall(for_sqlite(sql), values)
        return list(rows)

    async def change(self, sql: str, *values: object) -> int:
        """Run ``sql``; returns how many rows it changed."""
        async with self._connection.execute(for_sqlite(sql), values) as cursor:
            return cursor.rowcount

    async def change_many(self, sql: str, values: Sequence[Sequence[object]]) -> None:
        """Run ``sql`` once with each of ``values``."""
        await self._connection.executemany(for_sqlite(sql), values)


def _empty_log(path: Path) -> bool:
    """Move the log into the file and cut it to nothing; False if that would make others wait."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as connection:
        # Nobody waits for the first one, which does most of the work; the second one excludes
        # writers while it works, and gives up at once if somebody reads.
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        [(busy, _pages, _moved)] = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return not busy


async def _close(connection: aiosqlite.Connection | None, readers: Readers | None) -> None:
    if readers is not None:
        await readers.close()
    if connection is not None:
        await connection.close()


async def _write_ahead(connection: aiosqlite.Connection) -> None:
    """Switch to write-ahead logging, waiting for other processes that do the same.

    The switch needs exclusive access to the file, and SQLite does not wait for that as it does for
    other locks: of two processes that start together, one is told "locked" immediately.
    """
    until = time.monotonic() + BUSY_SECONDS
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


async def _migrate(
    connection: aiosqlite.Connection, path: Path, scripts: Sequence[tuple[int, str]]
) -> None:
    """Run the missing scripts, each in a transaction that also sets the version."""
    version = await _version(connection)
    check_known(version, scripts, path)
    for number, script in scripts:
        if number > version:
            await _run(connection, number, script)


async def _run(connection: aiosqlite.Connection, number: int, script: str) -> None:
    """Run a script, unless another process that started at the same time already did."""
    await connection.execute("BEGIN IMMEDIATE")
    try:
        # Read with the lock: some scripts would succeed a second time, and set the version back.
        if await _version(connection) < number:
            for statement in _statements(script):
                await connection.execute(statement)
            await connection.execute(f"PRAGMA user_version = {number}")
        await connection.execute("COMMIT")
    except BaseException:
        await asyncio.shield(connection.rollback())
        raise


def _statements(script: str) -> Iterator[str]:
    """The statements of a script; executescript would end the transaction."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        yield statement
