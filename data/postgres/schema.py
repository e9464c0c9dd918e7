"""The tables in PostgreSQL: made and updated by the same numbered scripts as SQLite's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from data.dialect import NUMBERED, numbers_of, script_for_postgres
from data.migrations import check_known

# Any number; it means "our tables are being changed" to our processes.
_LOCK = 0x696D6167696E65


async def migrate(connection: Any, name: str, scripts: Sequence[tuple[int, str]]) -> None:
    """Run the missing scripts, each in a transaction that also sets the version.

    Of processes that start together, one runs them. Raises StoreError if the tables are of a newer
    version, and asyncpg's errors.
    """
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)"
        )
        version = await version_of(connection)
    check_known(version, scripts, name)
    for number, script in scripts:
        if number > version:
            await _run(connection, number, script)


async def version_of(connection: Any) -> int:
    """The number of the last script that was run; 0 for none."""
    return int(await connection.fetchval("SELECT COALESCE(MAX(version), 0) FROM schema_version"))


async def _run(connection: Any, number: int, script: str) -> None:
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        if await version_of(connection) >= number:  # another process was faster
            return
        await connection.execute(script_for_postgres(script))
        for table in NUMBERED:
            if await connection.fetchval("SELECT to_regclass($1)", table) is not None:
                await connection.execute(f"CREATE SEQUENCE IF NOT EXISTS {numbers_of(table)}")
        await connection.execute("DELETE FROM schema_version")
        await connection.execute("INSERT INTO schema_version (version) VALUES ($1)", number)
