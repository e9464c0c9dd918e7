"""Read-only connections to a SQLite file in write-ahead mode: they never wait for a writer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiosqlite

from data.database import Row
from data.errors import StoreError

BUSY_SECONDS = 10.0


class Readers:
    """``connections`` that read, each for one task at a time, the one used last first.

    A read sees everything that was committed before it began. Errors of SQLite pass.
    """

    def __init__(self, path: Path, connections: Sequence[aiosqlite.Connection]) -> None:
        self._path = path
        self._connections = list(connections)
        self._free: asyncio.LifoQueue[aiosqlite.Connection] = asyncio.LifoQueue()
        for connection in connections:
            self._free.put_nowait(connection)
        self._closed = False

    @classmethod
    async def open(cls, path: Path, number: int) -> Readers:
        """Open ``number`` connections to a database that exists."""
        opened: list[aiosqlite.Connection] = []
        try:
            for _ in range(number):
                connection = await aiosqlite.connect(
                    path, isolation_level=None, timeout=BUSY_SECONDS
                )
                opened.append(connection)
                connection.row_factory = row_as_dict  # type: ignore[assignment]  # a function works too
                await connection.execute("PRAGMA query_only = ON")
                # The rows are small; a larger cache would only use memory.
                await connection.execute("PRAGMA cache_size = -512")
        except BaseException:
            for connection in opened:
                await connection.close()
            raise
        return cls(path, opened)

    async def fetch(self, sql: str, values: Sequence[object]) -> list[Row]:
        """The rows that ``sql`` finds. Raises StoreError once closed."""
        if self._closed:
            raise StoreError("The database {path} is closed.", path=self._path)
        connection = await self._free.get()
        work = asyncio.ensure_future(connection.execute_fetchall(sql, values))
        # Only when the statement has ended, which is later than this if the caller is cancelled.
        work.add_done_callback(lambda work: self._give_back(work, connection))
        found: Any = await asyncio.shield(work)
        return list(found)

    def _give_back(self, work: asyncio.Future[Any], connection: aiosqlite.Connection) -> None:
        if not work.cancelled():
            work.exception()  # a caller that was cancelled does not look at it
        self._free.put_nowait(connection)

    async def close(self) -> None:
        """Close the connections, each after its call has ended."""
        self._closed = True
        while self._connections:
            connection = await self._free.get()
            self._connections.remove(connection)
            await connection.close()


def row_as_dict(cursor: Any, row: tuple[Any, ...]) -> dict[str, Any]:
    """A row as a dictionary, made on the connection's thread instead of the event loop."""
    return {column[0]: value for column, value in zip(cursor.description, row, strict=True)}
