"""A database in PostgreSQL: transactions, reads next to them, and reconnecting."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from data.database import Row
from data.dialect import for_postgres, values_for_postgres
from data.errors import StoreError
from data.migrations import migrations
from data.postgres.commits import Written, was_committed, written_by
from data.postgres.connections import (
    ERRORS,
    PATIENCE_SECONDS,
    Server,
    borrowed,
    give_back,
    is_lost,
)
from data.postgres.listening import Listening, channel_name
from data.postgres.schema import migrate
from engine.clock import now_ms

# Per process; a server has 100 in all by default.
_READERS, _WRITERS, _SCANNERS = 4, 4, 1


class PostgresDatabase:
    """Connections that write, others that read, and one for long scans, so that none waits.

    Opened with :meth:`open`. While the server restarts, everything waits for it. A statement that
    was on its way then is repeated if it surely did nothing; if it may have, the server is asked
    whether its transaction was committed. PostgreSQL's errors are raised as StoreError.
    """

    def __init__(self, server: Server, listening: Listening, pools: Sequence[Any]) -> None:
        self._server = server
        self._listening = listening
        self._readers, self._writers, self._scanners = pools
        self._closed = False

    @classmethod
    async def open(
        cls,
        url: str,
        scripts: Sequence[tuple[int, str]] | None = None,
        *,
        patience: float = PATIENCE_SECONDS,
    ) -> PostgresDatabase:
        """Connect to ``url``, waiting ``patience`` seconds for the server, and migrate it.

        ``scripts`` are the migrations, by default the package's. Raises StoreError if it cannot be
        used or has a newer version than the last migration.
        """
        known = await asyncio.to_thread(migrations) if scripts is None else scripts
        server = Server(url, patience)
        listening = Listening(server)
        try:
            connection = await server.patiently(server.connect)
            try:
                await migrate(connection, server.name, known)
                await listening.compare_clocks(connection)
            finally:
                await connection.close()
            pools = [
                await server.pool(_READERS, writes=False),
                await server.pool(_WRITERS, writes=True),
                await server.pool(_SCANNERS, writes=False, statement_seconds=None),
            ]
        except (*ERRORS, ValueError) as error:
            raise server.unopened(error) from error
        listening.start()
        return cls(server, listening, pools)

    async def close(self) -> None:
        """Close the connections, after other calls have ended."""
        self._closed = True
        await self._listening.close()
        for pool in (self._readers, self._scanners, self._writers):
            await pool.close()

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[PostgresTransaction]:
        """Write down everything that the body does, or nothing.

        Raises NotWrittenError, a StoreError, if the connection was lost before it was written.
        """
        connection = await self._begin()
        try:
            yield PostgresTransaction(self._server, connection)
            await self._commit(connection)
        finally:
            await asyncio.shield(self._end(connection))

    async def _begin(self) -> Any:
        async def begun() -> Any:
            connection = await self._writers.acquire()
            try:
                await connection.execute("BEGIN")
            except BaseException:
                await asyncio.shield(self._end(connection))
                raise
            return connection

        self._check_open()
        try:
            return await self._server.patiently(begun)
        except ERRORS as error:
            raise self._server.error(error) from error

    async def _end(self, connection: Any) -> None:
        """Roll back what is not committed, and give the connection back."""
        try:
            if not connection.is_closed() and connection.is_in_transaction():
                await connection.execute("ROLLBACK")
        except ERRORS:  # then the server does it
            with contextlib.suppress(*ERRORS):  # it was lost, and is no longer the pool's
                connection.terminate()
        finally:
            await give_back(self._writers, connection)

    async def _commit(self, connection: Any) -> None:
        try:
            written = await written_by(connection)
        except ERRORS as error:
            raise self._server.error(error) from error
        try:
            await connection.execute("COMMIT")
        except ERRORS as error:
            if not is_lost(error):
                raise self._server.error(error) from error
            if written is not None and not await self._was_committed(written):
                raise self._server.error(error) from error

    async def _was_committed(self, written: Written) -> bool:
        async def ended() -> bool:
            async with borrowed(self._readers) as connection:
                return await was_committed(connection, written)

        try:
            return await self._server.patiently(ended)
        except ERRORS as error:
            raise self._server.unusable(error) from error

    async def fetch(self, sql: str, *values: object) -> list[Row]:
        """The rows that ``sql`` finds."""
        return await self._read(self._readers, sql, values)

    async def scan(self, sql: str, *values: object) -> list[Row]:
        """The same, on a connection that no short read waits for."""
        return await self._read(self._scanners, sql, values)

    async def _read(self, pool: Any, sql: str, values: Sequence[object]) -> list[Row]:
        async def rows() -> list[Row]:
            async with borrowed(pool) as connection:
                found = await connection.fetch(for_postgres(sql), *values_for_postgres(values))
            return [dict(row) for row in found]

        self._check_open()
        try:
            return await self._server.patiently(rows)
        except ERRORS as error:
            raise self._server.error(error) from error

    async def change(self, sql: str, *values: object) -> int:
        """Run one statement as a transaction of its own; returns how many rows it changed."""

        async def changed() -> int:
            async with self.transaction() as transaction:
                return await transaction.change(sql, *values)

        return await self._server.patiently(changed)

    def listen(self, channel: str, heard: Callable[[], None]) -> None:
        """Call ``heard`` when a process tells something to ``channel``, or it may have."""
        self._listening.listen(channel, heard)

    def now(self) -> int:
        """The time in ms since 1970, UTC, by the server's clock."""
        return now_ms() + self._listening.skew

    async def columns(self) -> list[tuple[str, str]]:
        """(table, column) of every column in the database."""
        rows = await self.fetch(
            "SELECT table_name, column_name FROM information_schema.columns "
            "WHERE table_schema = current_schema()"
        )
        return [(row["table_name"], row["column_name"]) for row in rows]

    async def scrub(self) -> bool:
        """Free the space of deleted rows, so that others are written there.

        PostgreSQL overwrites nothing by itself, and its log and backups are the host's.
        """
        tables = ", ".join(sorted({table for table, _ in await self.columns()}))
        self._check_open()
        try:
            connection = await self._server.connect(None)
            try:
                await connection.execute(f"VACUUM {tables}")
            finally:
                await connection.close()
        except ERRORS as error:
            raise self._server.error(error) from error
        return True

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError("The database {path} is closed.", path=self._server.name)


class PostgresTransaction:
    """What can be done within a transaction."""

    def __init__(self, server: Server, connection: Any) -> None:
        self._server = server
        self._connection = connection

    async def fetch(self, sql: str, *values: object) -> list[Row]:
        """The rows that ``sql`` finds."""
        try:
            rows = await self._connection.fetch(for_postgres(sql), *values_for_postgres(values))
        except ERRORS as error:
            raise self._server.error(error) from error
        return [dict(row) for row in rows]

    async def change(self, sql: str, *values: object) -> int:
        """Run ``sql``; returns how many rows it changed."""
        try:
            status = await self._connection.execute(for_postgres(sql), *values_for_postgres(values))
        except ERRORS as error:
            raise self._server.error(error) from error
        number = status.split()[-1]  # as in "UPDATE 3", "INSERT 0 1" and "CREATE TABLE"
        return int(number) if number.isdigit() else 0

    async def change_many(self, sql: str, values: Sequence[Sequence[object]]) -> None:
        """Run ``sql`` once with each of ``values``."""
        try:
            await self._connection.executemany(
                for_postgres(sql), [values_for_postgres(each) for each in values]
            )
        except ERRORS as error:
            raise self._server.error(error) from error

    async def lock(self, what: str, *names: str) -> None:
        """Wait for every other transaction that locked the same; it ends with the transaction."""
        for key in sorted({_key(what, name) for name in names}):
            await self.fetch("SELECT pg_advisory_xact_lock(?)", key)

    async def tell(self, channel: str) -> None:
        """Wake those who listen to ``channel``, in all processes, when this is written down."""
        await self.fetch("SELECT pg_notify(?, '')", channel_name(channel))


def _key(what: str, name: str) -> int:
    """The number of a lock; of two names with the same one, one waits for the other in vain."""
    digest = hashlib.blake2b(f"{what} {name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
