"""Asking the process that works on a job, whichever it is, to stop or cancel it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from data.database import Database
from data.jobs.owners import Owner
from data.jobs.stored import UNFINISHED, in_states
from engine.jobs.job import Interrupt, State

_CHANNEL = "wishes"
# A job that waits cannot be stopped, only cancelled.
_POSSIBLE: dict[Interrupt, Sequence[State]] = {"stop": ("running",), "cancel": UNFINISHED}


class Wishes:
    """Wishes are in the jobs' rows; every method raises StoreError if the database fails."""

    def __init__(self, database: Database, owner: Owner) -> None:
        self._database = database
        self._owner = owner

    async def ask(self, id: str, interrupt: Interrupt) -> bool:
        """Ask for it; False if the job is over, waits and cannot be stopped, or is cancelled.

        If the job's process is dead, the one that takes the job over does what was asked for.
        """
        which = f"id = ? AND {in_states(_POSSIBLE[interrupt])} AND COALESCE(wish, '') <> 'cancel'"
        # Read first: nearly always the job is over, and a read waits for nobody.
        if not await self._database.fetch(f"SELECT id FROM jobs WHERE {which}", id):  # noqa: S608  constants
            return False
        async with self._database.transaction() as transaction:
            asked = await transaction.change(
                f"UPDATE jobs SET wish = ? WHERE {which}",  # noqa: S608  constants
                interrupt,
                id,
            )
            if asked:
                await transaction.tell(_CHANNEL)
        return asked > 0

    def listen(self, heard: Callable[[], None]) -> None:
        """Call ``heard`` when somebody asked for something; look from time to time as well."""
        self._database.listen(_CHANNEL, heard)

    async def mine(self) -> list[tuple[str, Interrupt]]:
        """What was asked of this process's unfinished jobs: ids and wishes, also those done."""
        rows = await self._database.fetch(
            "SELECT id, wish FROM jobs WHERE delivered_at IS NULL AND owner = ? "  # noqa: S608  constants
            f"AND wish IS NOT NULL AND {in_states(UNFINISHED)}",
            self._owner.name,
        )
        return [(row["id"], row["wish"]) for row in rows]
