"""Copying a SQLite file into an empty PostgreSQL database, and proving that all of it is there.

Everything is one transaction: it is committed only if each table has the same rows on both sides.
The file is not changed.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.dialect import NUMBERED, numbers_of, values_for_postgres
from data.errors import StoreError
from data.migrations import migrations
from data.postgres.connections import ERRORS, Server
from data.postgres.schema import migrate
from data.sqlite.backup import check_copy, copy_database, refuse_in_use
from data.sqlite.database import SqliteDatabase

_VERSION = "schema_version"
_PART = 1000
_MODULUS = 1 << 256


@dataclass(frozen=True)
class Proof:
    """How many rows a table has, and a hash of them that does not depend on their order.

    The sum of each row's SHA-256, modulo 2^256.
    """

    rows: int
    hash: str


def transfer(source: Path, url: str) -> dict[str, Proof]:
    """Copy the database file ``source`` to the server's database at ``url``; returns what is there.

    An older file's copy is updated first. Blocks. Raises StoreError, with nothing copied, if a bot
    uses the file, the file is damaged or of a newer version, the server's database has rows
    already, or the two differ in the end.
    """
    check_copy(source)
    refuse_in_use(source.absolute().parent)
    with tempfile.TemporaryDirectory(prefix="imagine-bot-") as folder:
        snapshot = Path(folder) / "snapshot.sqlite3"
        copy_database(source, snapshot)
        return asyncio.run(_transfer(snapshot, Server(url, 0)))


async def _transfer(snapshot: Path, server: Server) -> dict[str, Proof]:
    updated = await SqliteDatabase.open(snapshot)
    await updated.close()
    try:
        target = await server.connect(None)
        try:
            await migrate(target, server.name, await asyncio.to_thread(migrations))
            with contextlib.closing(sqlite3.connect(snapshot)) as connection:
                async with target.transaction():
                    return await _copy(connection, target, server.name)
        finally:
            await target.close()
    except (*ERRORS, sqlite3.Error, ValueError) as error:
        raise StoreError(
            "The rows can't be copied to {path} ({reason}). Nothing was copied.",
            path=server.name,
            reason=str(error) or type(error).__name__,
        ) from error


async def _copy(source: sqlite3.Connection, target: Any, name: str) -> dict[str, Proof]:
    tables = _tables(source)
    # So that no bot that uses the database already writes between the look and the end.
    await target.execute(f"LOCK TABLE {', '.join(tables)} IN EXCLUSIVE MODE")
    for table in tables:
        if await target.fetchval(f"SELECT 1 FROM {table} LIMIT 1") is not None:  # noqa: S608  our tables
            raise StoreError(
                "The database {path} has rows already, in the table {table}. Choose an empty one.",
                path=name,
                table=table,
            )
    proofs = {}
    for table, columns in tables.items():
        there = Summed()
        rows = _rows(source, table, columns)
        await target.copy_records_to_table(
            table, records=there.counted(rows), columns=list(columns)
        )
        here = Summed()
        async for row in _server_rows(target, table, columns):
            here.add(row)
        if here.proof() != there.proof():
            raise StoreError(
                "The table {table} differs after it was copied: {there} in the file, {here} in "
                "the new database. Nothing was copied.",
                table=table,
                there=there.proof(),
                here=here.proof(),
            )
        proofs[table] = here.proof()
    for table in NUMBERED:
        await target.execute(
            f"SELECT setval('{numbers_of(table)}', MAX(sequence)) FROM {table} "  # noqa: S608  our tables
            "HAVING MAX(sequence) IS NOT NULL"
        )
    return proofs


class Summed:
    """The proof of rows that are added one by one."""

    def __init__(self) -> None:
        self._rows = self._sum = 0

    def add(self, row: Sequence[Any]) -> None:
        """Add a row: texts, numbers and None."""
        digest = hashlib.sha256(json.dumps(list(row), separators=(",", ":")).encode()).digest()
        self._rows += 1
        self._sum = (self._sum + int.from_bytes(digest, "big")) % _MODULUS

    def counted(self, rows: Iterator[Sequence[Any]]) -> Iterator[Sequence[Any]]:
        """The same rows, each added on its way."""
        for row in rows:
            self.add(row)
            yield row

    def proof(self) -> Proof:
        """Of the rows so far."""
        return Proof(self._rows, f"{self._sum:064x}")


def _tables(source: sqlite3.Connection) -> dict[str, tuple[str, ...]]:
    """The columns of each table; a table after those that it refers to."""
    found = [
        name
        for (name,) in source.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' "
            "ORDER BY name <> 'jobs', name"
        )
    ]
    return {
        table: tuple(
            name for (name,) in source.execute("SELECT name FROM pragma_table_info(?)", [table])
        )
        for table in found
    }


def _rows(
    source: sqlite3.Connection, table: str, columns: Sequence[str]
) -> Iterator[Sequence[Any]]:
    for row in source.execute(f"SELECT {', '.join(columns)} FROM {table}"):  # noqa: S608  our tables
        yield values_for_postgres(row)


async def _server_rows(
    target: Any, table: str, columns: Sequence[str]
) -> AsyncIterator[Sequence[Any]]:
    sql = f"SELECT {', '.join(columns)} FROM {table}"  # noqa: S608  our tables
    async for row in target.cursor(sql, prefetch=_PART):
        yield tuple(row)
