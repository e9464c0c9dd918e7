"""What the modules of ``data`` need of a database; data.sqlite and data.postgres have one each.

SQL is passed as text with ``?`` for values; data.dialect says what it can use. Several processes
can use one database: what a transaction reads may be changed by another one before it writes,
unless it holds the row (``FOR UPDATE``) or a :meth:`Transaction.lock`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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

    async def lock(self, what: str, *names: str) -> None:
        """Wait for every other transaction that locked the same; it ends with the transaction.

        Several locks are taken in ascending order, so that no two transactions wait for each other.
        """

    async def tell(self, channel: str) -> None:
        """Wake those who listen to ``channel``, in all processes, when this is written down."""


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

    def listen(self, channel: str, heard: Callable[[], None]) -> None:
        """Call ``heard`` when a transaction of any process told something to ``channel``.

        Also when something may have been missed. SQLite's other processes are not heard: look at
        the rows from time to time as well.
        """

    def now(self) -> int:
        """The time in ms since 1970, UTC, the same in all processes, wherever they run."""

    async def columns(self) -> list[tuple[str, str]]:
        """(table, column) of every column."""

    async def scrub(self) -> bool:
        """Overwrite what deleted data left behind, as far as nobody has to wait for that.

        False if something was in use: call it again later.
        """


def lease_end(database: Database, seconds: float) -> int:
    """When a lease of ``seconds`` that starts now expires, in ms since 1970, UTC."""
    return database.now() + round(seconds * 1000)
