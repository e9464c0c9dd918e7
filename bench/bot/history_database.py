"""A database with as many jobs as a large server has after years, made by SQLite itself."""

from __future__ import annotations

import contextlib
import random
import sqlite3
from pathlib import Path

from data.migrations import migrations
from data.sqlite.backup import DATABASE
from engine.clock import now_ms

PEOPLE, WORDS, WORDS_EACH = 5000, 4000, 6
_SYLLABLES = ("ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu", "na", "pe", "qui", "ro")
_PRIMES = (7919, 104729, 1299709, 15485863, 32452843, 49979687)


def words() -> list[str]:
    """Made-up words that prompts consist of, always the same."""
    rng = random.Random(1)
    found: dict[str, None] = {}
    while len(found) < WORDS:
        found["".join(rng.choices(_SYLLABLES, k=rng.randint(2, 4)))] = None
    return list(found)


def make_database(
    folder: Path, rows: int, *, guild_id: str, channel_id: str, heavy: tuple[str, str]
) -> None:
    """Fill the data folder's database with ``rows`` finished jobs, four fifths in one server.

    Each of the people ``heavy`` asked for a hundredth of them, the others for equal shares.
    They have no pictures and no messages in Discord, so that deleting them is the database's work.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / DATABASE
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for number, script in migrations():
            connection.executescript(script)
            connection.execute(f"PRAGMA user_version = {number}")
        # It need not survive a crash while it is made.
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -200000"):
            connection.execute(f"PRAGMA {pragma}")
        indices = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        ).fetchall()
        for name, _sql in indices:
            connection.execute(f"DROP INDEX {name}")
        connection.execute("BEGIN")
        connection.execute("CREATE TEMP TABLE words (i INTEGER PRIMARY KEY, word TEXT NOT NULL)")
        connection.executemany("INSERT INTO words VALUES (?, ?)", enumerate(words()))
        _add_jobs(connection, rows, guild_id, channel_id, heavy)
        _add_words(connection, rows)
        connection.execute("COMMIT")
        for _name, sql in indices:
            connection.execute(sql)
        connection.execute("PRAGMA journal_mode = WAL")


def _add_jobs(
    connection: sqlite3.Connection,
    rows: int,
    guild_id: str,
    channel_id: str,
    heavy: tuple[str, str],
) -> None:
    prompt = " || ' ' || ".join(
        f"(SELECT word FROM words WHERE i = n * {prime} % {WORDS})"  # noqa: S608  constants
        for prime in _PRIMES
    )
    connection.execute(
        f"""
        WITH RECURSIVE numbers(n) AS (
            SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :rows
        ), prompts AS MATERIALIZED (SELECT n, {prompt} AS prompt FROM numbers)
        INSERT INTO jobs (id, sequence, person, guild_id, channel_id, locale, request, prompt,
            seed, state, created_at, started_at, ended_at, delivered_at, result)
        SELECT lower(hex(randomblob(16))), n,
            CASE n % 100 WHEN 1 THEN :first WHEN 2 THEN :second
                ELSE '7' || printf('%016d', n * 48271 % {PEOPLE}) END,
            CASE n % 5 WHEN 0 THEN '900000000000000' || printf('%03d', n % 500) ELSE :guild END,
            CASE n % 5 WHEN 0 THEN '900000000000001' || printf('%03d', n % 500) ELSE :channel END,
            'en-US',
            '{{"prompt":"' || prompt || '","seed":' || n || ',"model":"tiny","iterations":200}}',
            prompt, n, 'delivered',
            :now - (:rows - n) * 60000, :now - (:rows - n) * 60000 + 5000,
            :now - (:rows - n) * 60000 + 60000, :now - (:rows - n) * 60000 + 61000,
            '{{"seed":' || n || ',"seconds":55.0,"iterations":200,"width":256,"height":256,'
                || '"notices":[],"stopped":false}}'
        FROM prompts
        """,  # noqa: S608  constants
        {
            "rows": rows,
            "guild": guild_id,
            "channel": channel_id,
            "now": now_ms(),
            "first": heavy[0],
            "second": heavy[1],
        },
    )


def _add_words(connection: sqlite3.Connection, rows: int) -> None:
    each = " UNION ALL ".join(
        f"SELECT guild_id, (SELECT word FROM words WHERE i = sequence * {prime} % {WORDS}), "  # noqa: S608  constants
        "sequence FROM jobs"
        for prime in _PRIMES
    )
    # In the order of the table's key, so that each page is written once.
    connection.execute(
        f"INSERT OR IGNORE INTO job_words (guild_id, word, sequence) "  # noqa: S608  constants
        f"SELECT * FROM ({each}) ORDER BY 1, 2, 3"
    )
    assert connection.execute("SELECT MAX(sequence) FROM jobs").fetchone()[0] == rows
