"""Opens a bot's database file next to the bot."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def open_database(path: Path) -> Iterator[sqlite3.Connection]:
    """Commit at the end, and close: sqlite3's own ``with`` leaves the connection open."""
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        yield connection
