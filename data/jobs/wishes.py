"""Asking the process that works on a job, whichever it is, to stop, cancel or change it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from data.database import Database
from data.jobs.owners import Owner
from data.jobs.stored import UNFINISHED, in_states, steering_of
from engine.jobs.job import Interrupt, State
from engine.request.request import ImageRequest

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

    async def steer(self, id: str, key: str, change: str) -> bool:
        """Ask for a change of a running job; False if none is running, or is to end."""
        which = "id = ? AND state = 'running' AND wish IS NULL"
        async with self._database.transaction() as transaction:
            rows = await transaction.fetch(
                f"SELECT owner, steering FROM jobs WHERE {which} FOR UPDATE",  # noqa: S608  constants
                id,
            )
            if not rows:
                return False
            steering = {**steering_of(rows[0]), key: change}
            await transaction.change(
                "UPDATE jobs SET steering = ? WHERE id = ?", json.dumps(steering), id
            )
            if rows[0]["owner"] != self._owner.name:
                await transaction.tell(_CHANNEL)
        return True

    async def steered(self, id: str, key: str, request: ImageRequest) -> bool:
        """Note that the change was made, by which this process's job paints ``request`` now."""
        async with self._database.transaction() as transaction:
            rows = await transaction.fetch(
                "SELECT steering FROM jobs WHERE id = ? AND owner = ? FOR UPDATE",
                id,
                self._owner.name,
            )
            if not rows:
                return False
            left = {other: change for other, change in steering_of(rows[0]).items() if other != key}
            await transaction.change(
                "UPDATE jobs SET steering = ?, request = ? WHERE id = ?",
                json.dumps(left) if left else None,
                request.model_dump_json(exclude_none=True),
                id,
            )
        return True

    async def steering(self) -> list[tuple[str, dict[str, str]]]:
        """The changes that this process's running jobs have not made yet, by the jobs' ids."""
        rows = await self._database.fetch(
            "SELECT id, steering FROM jobs WHERE delivered_at IS NULL AND owner = ? "
            "AND steering IS NOT NULL AND state = 'running'",
            self._owner.name,
        )
        return [(row["id"], steering_of(row)) for row in rows]

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
