"""Reading rows of a PostgreSQL server from a measurement, also while it is restarted."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from typing import Any

import asyncpg

_PATIENCE = 60.0
_ERRORS = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError)


class Reader:
    """One connection in a thread of its own, so that it can be asked from anywhere."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: Any = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="reader", daemon=True)
        self._thread.start()

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        """The rows of a query. Blocks, while the server is restarted for up to a minute."""
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                found = asyncio.run_coroutine_threadsafe(self._rows(sql, values), self._loop)
                return found.result(10)
            except asyncpg.UndefinedTableError:
                return []  # the bot has not made its tables yet
            except _ERRORS:
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)

    async def _rows(self, sql: str, values: tuple[object, ...]) -> list[dict[str, Any]]:
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(self._url, timeout=5)
        return [dict(row) for row in await self._connection.fetch(sql, *values, timeout=5)]

    def close(self) -> None:
        """End the connection."""

        async def end() -> None:
            if self._connection is not None:
                self._connection.terminate()

        with contextlib.suppress(*_ERRORS):
            asyncio.run_coroutine_threadsafe(end(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
