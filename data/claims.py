"""What one process at a time does, of several on one store; a dead process's work is taken over."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

from data.database import Database, lease_end
from data.errors import StoreError
from data.jobs.owners import Owner
from engine.tasks import spawn

log = logging.getLogger("data.claims")

LEASE_SECONDS = 30.0


class Claims:
    """A row for each kind of work that is being done, leased for ``seconds`` and renewed.

    Every method raises StoreError if the database cannot be used.
    """

    def __init__(self, database: Database, owner: Owner, seconds: float = LEASE_SECONDS) -> None:
        self._database = database
        self._owner = owner
        self.seconds = seconds

    @contextlib.asynccontextmanager
    async def hold(self, name: str) -> AsyncIterator[bool]:
        """Whether the body can do the work ``name``: no other process does it until it ends.

        A second body of the same process cannot do it either.
        """
        if not await self._take(name):
            yield False
            return
        renewing = spawn(self._renew(name), f"the claim on {name}")
        try:
            yield True
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)
            with contextlib.suppress(StoreError):  # then it expires
                await self._database.change(
                    "DELETE FROM claims WHERE name = ? AND owner = ?", name, self._owner.name
                )

    async def _take(self, name: str) -> bool:
        dead = await asyncio.to_thread(self._owner.dead)
        async with self._database.transaction() as transaction:
            await transaction.lock("claim", name)
            rows = await transaction.fetch(
                "SELECT owner, lease_until FROM claims WHERE name = ?", name
            )
            if (
                rows
                and rows[0]["owner"] not in dead
                and rows[0]["lease_until"] > self._database.now()
            ):
                return False
            await transaction.change(
                "INSERT INTO claims (name, owner, lease_until) VALUES (?, ?, ?) "
                "ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, "
                "lease_until = excluded.lease_until",
                name,
                self._owner.name,
                lease_end(self._database, self.seconds),
            )
        return True

    async def _renew(self, name: str) -> None:
        while True:
            await asyncio.sleep(self.seconds / 3)
            try:
                await self._database.change(
                    "UPDATE claims SET lease_until = ? WHERE name = ? AND owner = ?",
                    lease_end(self._database, self.seconds),
                    name,
                    self._owner.name,
                )
            except StoreError as error:
                log.error("The claim on %s could not be renewed: %s", name, error)
