"""What the modules of ``data`` need of a database; data.sqlite has the one there is.

SQL is passed as text with ``?`` for values. It uses only what SQLite and PostgreSQL both know.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

Row = Mapping[str, Any]


class Transaction(Protocol):
    """What can be done within a transaction."""

    async def fetch(self, sql: str, *values: object) -> list[Row]:
        """The rows that ``sql`` finds."""

    async def change(self, sql: str, *values: object) -> int:
        """Run ``sql``; returns how many rows it changed."""

    async def change_many(self, sql: str, values: Sequence[Sequence[object]]) -> None:
        """Run ``sql`` once with each of ``values``."""


class Database(Protocol):
    """An open, migrated database; every method raises StoreError if it cannot be used.

    Tasks may call it at the same time: changes wait for their turn, reads never wait for changes.
    """

    async def close(self) -> None:
        """Close it for good."""

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Everything in the body is written down, or nothing."""

    async def fetch(self, sql: str, *values: object) -> list[Row]:
        """The rows that ``sql`` finds; it must use an index, because people wait for it."""

    async def scan(self, sql: str, *values: object) -> list[Row]:
        """The same for work in the background, which may read a whole table."""

    async def change(self, sql: str, *values: object) -> int:
        """Run ``sql`` as a transaction of its own; returns how many rows it changed."""

    async def columns(self) -> list[tuple[str, str]]:
        """(table, column) of every column."""

    async def scrub(self) -> bool:
        """Overwrite what deleted data left behind, as far as nobody has to wait for that.

        False if something was in use: call it again later.
        """
