"""The same rows as in a SQLite file on a PostgreSQL server, for bench.history."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg

from data.dialect import NUMBERED, numbers_of
from data.postgres.database import PostgresDatabase
from tests.postgres import Server, programs

# As PostgreSQL ships them, because what must be fast must be durable, too.
DURABLE = {
    "fsync": "on",
    "full_page_writes": "on",
    "shared_buffers": "128MB",
    "autovacuum": "on",
    "max_wal_size": "1GB",
    "deadlock_timeout": "1s",
}


async def copy_to_server(file: Path, url: str) -> None:
    """Copy all rows of a SQLite file into our tables in an empty database at ``url``."""
    database = await PostgresDatabase.open(url)
    await database.close()
    target = await asyncpg.connect(url)
    try:
        with contextlib.closing(sqlite3.connect(file)) as source:
            for table in ("jobs", "job_words"):
                await _copy_table(source, target, table)
        for table in NUMBERED:
            await target.execute(
                f"SELECT setval('{numbers_of(table)}', MAX(sequence)) FROM {table} "  # noqa: S608  our tables
                "HAVING MAX(sequence) IS NOT NULL"
            )
        await target.execute("VACUUM ANALYZE")
        await target.execute("CHECKPOINT")
    finally:
        await target.close()


async def _copy_table(source: sqlite3.Connection, target: Any, table: str) -> None:
    """Copy without the indices that can be made afterwards, which takes a fraction of the time."""
    indices = await target.fetch(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = $1 AND indexname NOT IN "
        "(SELECT conname FROM pg_constraint)",
        table,
    )
    for index in indices:
        await target.execute(f"DROP INDEX {index['indexname']}")
    rows = source.execute(f"SELECT * FROM {table}")  # noqa: S608  our tables
    columns = [column[0] for column in rows.description]
    await target.copy_records_to_table(table, records=rows, columns=columns)
    for index in indices:
        await target.execute(index["indexdef"])


async def dump(url: str) -> asyncio.subprocess.Process:
    """Start a backup as a host makes it, into nothing."""
    folder = programs()
    program = "pg_dump" if folder is None else str(folder / "pg_dump")
    return await asyncio.create_subprocess_exec(
        program, "--format=custom", "--compress=1", "--file=/dev/null", url
    )


@contextlib.contextmanager
def new_server() -> Iterator[str]:
    """The address of an empty database on a server that ends with the context."""
    folder = programs()
    if folder is None:
        raise SystemExit("PostgreSQL is not installed (Debian: apt install postgresql).")
    server = Server(folder, **DURABLE)
    try:
        yield server.new_database("history")
    finally:
        server.remove()
