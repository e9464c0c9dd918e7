"""Leases: each job row is changed only by its owner, which renews its lease while it is alive."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Sequence

from data.database import Database, Transaction, lease_end
from data.errors import StoreError
from data.jobs.owners import Owner
from engine.clock import now_ms
from engine.jobs.job import State
from engine.tasks import spawn

log = logging.getLogger("data.jobs.leases")


class Leases:
    """The job rows of one owner, each leased for ``seconds`` and renewed before that.

    Every method raises StoreError if the database cannot be used.
    """

    def __init__(self, database: Database, owner: Owner, seconds: float) -> None:
        self._database = database
        self._owner = owner
        self.seconds = seconds
        self._renewed = time.monotonic()
        self._patient_until = 0
        self._renewing = spawn(self._renew(), "lease")

    def end(self) -> int:
        """When a lease that starts now expires, in milliseconds since 1970, UTC."""
        return lease_end(self._database, self.seconds)

    async def stop_renewing(self) -> None:
        """Let the leases expire, as they do if the process hangs."""
        self._renewing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._renewing

    async def release(self) -> None:
        """Release all rows."""
        await self.stop_renewing()
        await self._database.change(
            "UPDATE jobs SET owner = NULL, lease_until = 0 WHERE owner = ? "
            "AND delivered_at IS NULL",
            self._owner.name,
        )

    async def move(
        self,
        id: str,
        to: State,
        before: Sequence[State],
        also: str = "wish = wish",
        *values: object,
    ) -> bool:
        """Change this owner's row from one of the states ``before``; False if it is not in one."""
        states = ", ".join("?" for _ in before)
        return (
            await self._database.change(
                f"UPDATE jobs SET {also}, state = ? "  # noqa: S608  constants of data.store
                f"WHERE id = ? AND owner = ? AND state IN ({states})",
                *values,
                to,
                id,
                self._owner.name,
                *before,
            )
            > 0
        )

    async def mark_told(
        self,
        transaction: Transaction,
        id: str,
        ended: Sequence[State],
        also: str,
        *values: object,
    ) -> bool:
        """Mark the end of this owner's job as told and release it; False if it does not apply."""
        states = ", ".join("?" for _ in ended)
        return (
            await transaction.change(
                f"UPDATE jobs SET {also}, delivered_at = ?, owner = NULL, lease_until = 0 "  # noqa: S608  constants of data.store
                f"WHERE id = ? AND owner = ? AND delivered_at IS NULL AND state IN ({states})",
                *values,
                now_ms(),
                id,
                self._owner.name,
                *ended,
            )
            > 0
        )

    async def holds(self, id: str, states: Sequence[State]) -> bool | None:
        """Whether the row is this owner's and in one of ``states``; None if there is no row."""
        rows = await self._database.fetch("SELECT owner, state FROM jobs WHERE id = ?", id)
        if not rows:
            return None
        return bool(rows[0]["owner"] == self._owner.name and rows[0]["state"] in states)

    async def take_over(self) -> list[str]:
        """Take over unfinished and untold rows without a living owner; returns their ids.

        These were released, belong to a dead process of this machine, or have an expired lease.
        """
        if time.monotonic() - self._renewed > self.seconds:
            await self.renew()
        dead = await asyncio.to_thread(self._owner.dead)
        now = self._database.now()
        expired = 0 if now < self._patient_until else now
        is_dead = "".join(" OR owner = ?" for _ in dead)
        async with self._database.transaction() as transaction:
            rows = await transaction.fetch(
                "SELECT id FROM jobs WHERE delivered_at IS NULL AND (owner IS NULL OR "  # noqa: S608  marks
                f"(owner <> ? AND lease_until < ?){is_dead}) FOR UPDATE SKIP LOCKED",
                self._owner.name,
                expired,
                *dead,
            )
            taken = [row["id"] for row in rows]
            end = self.end()
            await transaction.change_many(
                "UPDATE jobs SET owner = ?, lease_until = ? WHERE id = ?",
                [(self._owner.name, end, id) for id in taken],
            )
        await asyncio.to_thread(self._owner.remove_dead, dead)
        if taken:
            log.info("Took over %d jobs", len(taken))
        return taken

    async def renew(self) -> None:
        """Renew the leases of all rows.

        If that was not possible for as long as a lease, it was not for others either: they get the
        time of a lease to renew theirs.
        """
        await self._database.change(
            "UPDATE jobs SET lease_until = ? WHERE owner = ? AND delivered_at IS NULL",
            self.end(),
            self._owner.name,
        )
        if time.monotonic() - self._renewed > self.seconds:
            self._patient_until = self.end()
        self._renewed = time.monotonic()

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self.seconds / 3)
            try:
                await self.renew()
            except StoreError as error:
                log.error("The lease could not be renewed: %s", error)
