"""The words of prompts, indexed so that moderators find a job while they type."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Sequence

from data.database import Database, Row, Transaction
from data.errors import StoreError

log = logging.getLogger("data.jobs.words")

# More words of one prompt are not indexed, and longer ones only by their start.
MOST_WORDS, WORD_LENGTH = 16, 20
TO_ADD = "words to add"
_WORD = re.compile(r"\w+")
_BATCH, _PAUSE_SECONDS = 200, 0.05
# Every text that starts with a word sorts before the word with this character after it.
LAST = "\U0010ffff"


def words_of(text: str) -> list[str]:
    """The indexed words of a prompt or of what somebody typed, each once."""
    found = (word[:WORD_LENGTH] for word in _WORD.findall(text.casefold()))
    return list(dict.fromkeys(found))[:MOST_WORDS]


async def add_words(transaction: Transaction, jobs: Sequence[Row]) -> None:
    """Index jobs: rows with ``guild_id``, ``sequence`` and ``prompt``."""
    await transaction.change_many(
        "INSERT INTO job_words (guild_id, word, sequence) VALUES (?, ?, ?) "
        "ON CONFLICT (guild_id, word, sequence) DO NOTHING",
        _entries(jobs),
    )


async def remove_words(transaction: Transaction, jobs: Sequence[Row]) -> None:
    """Remove jobs, rows as above, from the index."""
    await transaction.change_many(
        "DELETE FROM job_words WHERE guild_id = ? AND word = ? AND sequence = ?", _entries(jobs)
    )


def _entries(jobs: Sequence[Row]) -> list[tuple[str, str, int]]:
    return [
        (job["guild_id"], word, job["sequence"])
        for job in jobs
        if job["guild_id"] is not None
        for word in words_of(job["prompt"])
    ]


async def add_older_words(database: Database) -> int:
    """Index the jobs from before there was an index, newest first; returns how many.

    Each batch is a transaction, so the next call continues after an interruption. A failure is
    logged: the index only helps to find jobs.
    """
    number = 0
    try:
        while (added := await _add_batch(database)) is not None:
            number += added
            await asyncio.sleep(_PAUSE_SECONDS)
    except StoreError as error:
        log.error("The words of older jobs could not be indexed: %s", error)
    return number


async def _add_batch(database: Database) -> int | None:
    if not await database.fetch("SELECT value FROM meta WHERE key = ?", TO_ADD):
        return None
    async with database.transaction() as transaction:
        rows = await transaction.fetch("SELECT value FROM meta WHERE key = ? FOR UPDATE", TO_ADD)
        if not rows:  # another process was faster
            return None
        jobs = await transaction.fetch(
            "SELECT sequence, guild_id, prompt FROM jobs WHERE sequence <= ? "
            "ORDER BY sequence DESC LIMIT ?",
            int(rows[0]["value"]),
            _BATCH,
        )
        await add_words(transaction, jobs)
        if len(jobs) < _BATCH:
            await transaction.change("DELETE FROM meta WHERE key = ?", TO_ADD)
        else:
            await transaction.change(
                "UPDATE meta SET value = ? WHERE key = ?", str(jobs[-1]["sequence"] - 1), TO_ADD
            )
    return len(jobs)
