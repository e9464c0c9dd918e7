"""Reads a bot's database file while the bot runs."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any


@contextlib.contextmanager
def open_database(path: Path) -> Iterator[sqlite3.Connection]:
    """Commit at the end, and close; sqlite3's own ``with`` leaves the connection open."""
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        yield connection


def read_rows(path: Path, sql: str, *values: object) -> list[dict[str, Any]]:
    """The rows of a query. Raises sqlite3.OperationalError if the tables do not exist yet."""
    uri = f"file:{path}?mode=ro"
    with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=10)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(sql, values)]
