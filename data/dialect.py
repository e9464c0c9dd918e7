"""What differs between SQLite and PostgreSQL, all in this place.

Statements in ``data`` are written once. They have ``?`` for values, and use only what both
databases know, and these words:

- ``next_number('TABLE')``: a number for the column ``sequence`` of a new row, larger than those of
  the rows that were there; no two rows get the same one, also of several processes.
- ``FOR UPDATE`` and ``FOR UPDATE SKIP LOCKED`` at the end of a SELECT within a transaction: the
  rows are this transaction's until it ends. Nothing on SQLite, where one transaction writes at a
  time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

# The tables that are numbered by next_number().
NUMBERED = ("jobs", "guild_settings_log", "moderation_log", "picture_checks")
_NUMBER = re.compile(r"next_number\('(\w+)'\)")
_LOCKING = re.compile(r" FOR UPDATE( SKIP LOCKED)?\b")
_TEXT_OR_MARK = re.compile(r"'(?:[^']|'')*'|\?")
# Of scripts: SQLite's names of types, and what it alone knows. Text is compared by its UTF-8 bytes
# in both databases, whatever the language of PostgreSQL's is.
_COLUMN_TEXT = re.compile(r"(?<!AS )\bTEXT\b")
_TYPES = (("INTEGER", "BIGINT"), ("REAL", "DOUBLE PRECISION"))
_WITHOUT_ROWID = re.compile(r"\)\s*WITHOUT ROWID\b")


@lru_cache(maxsize=1000)
def for_sqlite(sql: str) -> str:
    """The statement for SQLite, where the writing transaction is the only one."""
    sql = _NUMBER.sub(r"(SELECT COALESCE(MAX(sequence), 0) + 1 FROM \1)", sql)
    return _LOCKING.sub("", sql)


@lru_cache(maxsize=1000)
def for_postgres(sql: str) -> str:
    """The statement for PostgreSQL, with $1, $2 and so on for values."""
    number = 0

    def numbered(found: re.Match[str]) -> str:
        nonlocal number
        if found[0] != "?":
            return found[0]
        number += 1
        return f"${number}"

    sql = _NUMBER.sub(lambda found: f"nextval('{numbers_of(found[1])}')", sql)
    return _TEXT_OR_MARK.sub(numbered, sql)


def numbers_of(table: str) -> str:
    """The name of PostgreSQL's sequence for next_number()."""
    return f"{table}_numbers"


def values_for_postgres(values: Sequence[object]) -> list[object]:
    """The values, with a replacement character for NUL, which PostgreSQL's text cannot hold."""
    return [
        value.replace("\0", "\ufffd") if isinstance(value, str) and "\0" in value else value
        for value in values
    ]


def script_for_postgres(script: str) -> str:
    """A migration's script for PostgreSQL."""
    for name, other in _TYPES:
        script = re.sub(rf"\b{name}\b", other, script)
    script = _COLUMN_TEXT.sub('TEXT COLLATE "C"', script)
    return _WITHOUT_ROWID.sub(")", script)
