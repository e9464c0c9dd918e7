"""Which rows are whose: taken over, changed and let go by their owner alone, its lease renewed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence

from data.database import Database
from data.errors import StoreError
from data.jobs.owners import Owner
from engine.clock import now_ms
from engine.jobs.job import State
from engine.tasks import spawn

log = logging.getLogger("data.jobs.leases")


class Leases:
    """What one owner holds of the table of jobs, each row for ``seconds`` unless renewed.

    Every method raises StoreError where the database cannot be used.
    """

    def __init__(self, database: Database, owner: Owner, seconds: float) -> None:
        self._database = database
        self._owner = owner
        self._seconds = seconds
        self._renewing = spawn(self._renew(), "lease")

    def end(self) -> int:
        """When a lease that begins now runs out, in milliseconds since 1970."""
        return now_ms() + round(self._seconds * 1000)

    async def stop_renewing(self) -> None:
        """From now on the leases run out, as those of a process that hangs do."""
        self._renewing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._renewing

    async def let_go(self) -> None:
        """Hold nothing any more."""
        await self.stop_renewing()
        await self._database.change(
            "UPDATE jobs SET owner = NULL, lease_until = 0 WHERE owner = ?", self._owner.name)

    async def move(self, id: str, to: State, before: Sequence[State], also: str = "state = state",
                   *values: object) -> bool:
        """Change a row of this owner's from one of the states ``before``; whether it was there."""
        states = ", ".join("?" for _ in before)
        return await self._database.change(
            f"UPDATE jobs SET {also}, state = ? "  # noqa: S608  constants of data.store
            f"WHERE id = ? AND owner = ? AND state IN ({states})",
            *values, to, id, self._owner.name, *before) > 0

    async def told(self, id: str, ended: Sequence[State], also: str, *values: object) -> bool:
        """From here on nobody needs to be told how this owner's job ended; whether it was so."""
        states = ", ".join("?" for _ in ended)
        return await self._database.change(
            f"UPDATE jobs SET {also}, delivered_at = ?, owner = NULL, lease_until = 0 "  # noqa: S608  constants of data.store
            f"WHERE id = ? AND owner = ? AND delivered_at IS NULL AND state IN ({states})",
            *values, now_ms(), id, self._owner.name, *ended) > 0

    async def holds(self, id: str, states: Sequence[State]) -> bool | None:
        """Whether the row is this owner's and in one of ``states``; None where there is none."""
        rows = await self._database.fetch("SELECT owner, state FROM jobs WHERE id = ?", id)
        if not rows:
            return None
        return bool(rows[0]["owner"] == self._owner.name and rows[0]["state"] in states)

    async def take_over(self) -> int:
        """Make the rows that are nobody's, unfinished or untold, this owner's; how many.

        Nobody's are those let go, those of the dead, and those whose lease ran out.
        """
        dead = await asyncio.to_thread(self._owner.dead)
        taken = 0
        async with self._database.transaction() as transaction:
            for owner in dead:
                taken += await transaction.change(
                    "UPDATE jobs SET owner = ?, lease_until = ? WHERE owner = ? "
                    "AND delivered_at IS NULL", self._owner.name, self.end(), owner)
            taken += await transaction.change(
                "UPDATE jobs SET owner = ?, lease_until = ? WHERE (owner IS NULL OR "
                "(owner <> ? AND lease_until < ?)) AND delivered_at IS NULL",
                self._owner.name, self.end(), self._owner.name, now_ms())
        await asyncio.to_thread(self._owner.forget, dead)
        return taken

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._seconds / 3)
            try:
                await self._database.change(
                    "UPDATE jobs SET lease_until = ? WHERE owner = ?", self.end(),
                    self._owner.name)
            except StoreError as error:
                log.error("the lease could not be renewed: %s", error)
