"""Connecting to PostgreSQL, and trying again while it is restarted or not reachable."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

import asyncpg

from data.errors import StoreError

T = TypeVar("T")

# As long as a restart of a server takes, or the change to another one.
PATIENCE_SECONDS = 30.0
_CONNECT_SECONDS = 10.0
# A server that does not answer is one that is not there.
_STATEMENT_SECONDS = 60.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0

_LOST = (
    OSError,  # also a time-out
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
)
ERRORS = (
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    # No subclass of them: a statement after the server's last words, before the connection's end.
    asyncpg.InternalClientError,
)


class NotWrittenError(StoreError):
    """The connection was lost, or others were in the way: surely nothing was written down."""


class Server:
    """A PostgreSQL server's database at ``url``, as libpq writes it."""

    def __init__(self, url: str, patience: float = PATIENCE_SECONDS) -> None:
        self._url = url
        self._patience = patience
        parts = urlsplit(url)
        # Without the password.
        self.name = f"{parts.hostname or 'local'}{parts.path}"

    async def connect(self, statement_seconds: float | None = _STATEMENT_SECONDS) -> Any:
        """A connection of its own; raises ERRORS."""
        return await asyncpg.connect(
            self._url, timeout=_CONNECT_SECONDS, command_timeout=statement_seconds
        )

    async def pool(
        self, most: int, *, writes: bool, statement_seconds: float | None = _STATEMENT_SECONDS
    ) -> Any:
        """At most ``most`` connections, each opened when it is needed first; raises ERRORS."""
        return await asyncpg.create_pool(
            self._url,
            min_size=0,
            max_size=most,
            timeout=_CONNECT_SECONDS,
            command_timeout=statement_seconds,
            server_settings={"default_transaction_read_only": "off" if writes else "on"},
            # We leave nothing behind, and asyncpg's own clean-up after each statement costs as much
            # as the statement.
            reset=_nothing,
        )

    async def patiently(self, work: Callable[[], Awaitable[T]]) -> T:
        """What ``work`` returns, trying again for a while if the connection was lost meanwhile.

        ``work`` must not have written anything down when it raises such an error.
        """
        until, pause = time.monotonic() + self._patience, _FIRST_PAUSE
        while True:
            try:
                return await work()
            except (NotWrittenError, *ERRORS) as error:
                if not is_lost(error) or time.monotonic() > until:
                    raise
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def error(self, error: Exception) -> StoreError:
        """The error for the layers above."""
        return self.unusable(error, NotWrittenError if is_lost(error) else StoreError)

    def unusable(self, error: Exception, kind: type[StoreError] = StoreError) -> StoreError:
        """An error of the ``kind``; StoreError says nothing about what was written down."""
        return kind(
            "The database {path} can't be used: {reason}.", path=self.name, reason=_reason(error)
        )

    def unopened(self, error: Exception) -> StoreError:
        """The error if the server cannot be used at all, which one of ERRORS or a ValueError says.

        A wrong address is a ValueError.
        """
        return StoreError(
            "The database {path} can't be opened ({reason}). Check IMAGINE_DATABASE_URL, and "
            "that the server is running.",
            path=self.name,
            reason=_reason(error),
        )


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


def is_lost(error: BaseException) -> bool:
    """Whether the same work can succeed later: the connection was lost, or others were faster."""
    if isinstance(error, asyncpg.InterfaceError):
        # Released: the pool took it back, because it was lost between two statements.
        lost = any(word in str(error) for word in ("closed", "released"))
        return lost and not isinstance(error, ValueError)
    return isinstance(
        error,
        (
            NotWrittenError,
            *_LOST,
            asyncpg.InternalClientError,
            asyncpg.SerializationError,
            asyncpg.DeadlockDetectedError,
        ),
    )


async def give_back(pool: Any, connection: Any) -> None:
    """Give a connection back to its pool.

    If it is lost at this moment, the pool has it already, and nothing that was done with it fails.
    """
    with contextlib.suppress(*ERRORS):
        await pool.release(connection)


@contextlib.asynccontextmanager
async def borrowed(pool: Any) -> AsyncIterator[Any]:
    """A connection of the pool for the body; raises ERRORS."""
    connection = await pool.acquire()
    try:
        yield connection
    finally:
        await give_back(pool, connection)


async def _nothing(connection: object) -> None:
    pass
