"""What the queue learnt about the time that jobs take, kept for its next start."""

from __future__ import annotations

from data.database import Database, Row
from engine.clock import now_ms
from engine.jobs.effort import Effort, Learnt

MOST = 1000
"""How many of each are kept, the newest ones."""


async def read_learnt(database: Database) -> Learnt:
    """Return what was kept, the oldest first, and delete what is older than MOST others."""
    speeds = await _newest(database, "learnt_speeds", "seconds")
    sizes = await _newest(database, "learnt_sizes", "request, iterations")
    return Learnt(
        tuple((_effort(row), float(row["seconds"])) for row in speeds),
        tuple((row["request"], _effort(row), row["iterations"]) for row in sizes),
    )


async def _newest(database: Database, table: str, columns: str) -> list[Row]:
    rows = await database.scan(
        f"SELECT model, width, height, cutouts, learnt_at, {columns} FROM {table} "  # noqa: S608  constants
        "ORDER BY learnt_at DESC LIMIT ?",
        MOST,
    )
    if len(rows) == MOST:
        await database.change(
            f"DELETE FROM {table} WHERE learnt_at < ?",  # noqa: S608  constants
            rows[-1]["learnt_at"],
        )
    return rows[::-1]


async def keep_learnt(database: Database, learnt: Learnt) -> None:
    """Add it to what is kept, in place of what was kept of the same."""
    now = now_ms()
    async with database.transaction() as transaction:
        for model in learnt.outdated:
            await transaction.change("DELETE FROM learnt_speeds WHERE model = ?", model)
        for effort, seconds in learnt.speeds:
            await transaction.change(
                "INSERT INTO learnt_speeds (model, width, height, cutouts, seconds, learnt_at) "
                "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (model, width, height, cutouts) "
                "DO UPDATE SET seconds = excluded.seconds, learnt_at = excluded.learnt_at",
                *_values(effort),
                seconds,
                now,
            )
        for request, effort, iterations in learnt.sizes:
            await transaction.change(
                "INSERT INTO learnt_sizes (model, width, height, cutouts, request, iterations, "
                "learnt_at) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (request) DO UPDATE SET "
                "model = excluded.model, width = excluded.width, height = excluded.height, "
                "cutouts = excluded.cutouts, iterations = excluded.iterations, "
                "learnt_at = excluded.learnt_at",
                *_values(effort),
                request,
                iterations,
                now,
            )


def _effort(row: Row) -> Effort:
    return Effort(row["model"], row["width"], row["height"], row["cutouts"])


def _values(effort: Effort) -> tuple[str, int, int, int]:
    return effort.model, effort.width, effort.height, effort.cutouts
