"""Which process runs a bot: a second one with the same token must not answer everything twice."""

from __future__ import annotations

import asyncio
import time

from data.database import Database, lease_end
from data.errors import StoreError
from data.jobs.owners import Owner

LEASE_SECONDS = 30.0
_LOOK_SECONDS = 2.0


class InUseError(StoreError):
    """Another process runs this bot."""


class RunningBots:
    """One row for each application, leased to the process that runs it.

    On one machine the owner's lock tells whether that process is alive. Elsewhere only the lease
    does, so that a start waits for it to end. Every method raises StoreError if the database
    cannot be used.
    """

    def __init__(self, database: Database, owner: Owner, seconds: float = LEASE_SECONDS) -> None:
        self._database = database
        self._owner = owner
        self.seconds = seconds

    async def claim(self, application_id: str) -> None:
        """Become the process that runs this bot; raises InUseError if another one is alive."""
        found = await self._take(application_id)
        until = time.monotonic() + self.seconds + _LOOK_SECONDS
        first = found
        while found is not None:
            owner, lease_until = found
            alive = await asyncio.to_thread(self._owner.is_alive, owner)
            if alive or found != first:  # it has renewed its lease meanwhile
                raise InUseError(
                    "Another process is running this bot. Stop it first: two with one token would "
                    "answer everything twice."
                )
            if self._database.now() > lease_until or time.monotonic() > until:
                found = await self._take(application_id, instead_of=owner)
                first = found
                continue
            await asyncio.sleep(min(_LOOK_SECONDS, self.seconds / 5))
            found = await self._take(application_id)

    async def _take(
        self, application_id: str, instead_of: str | None = None
    ) -> tuple[str, int] | None:
        """Take the row if it is free, or that of a dead owner; else return its owner and lease."""
        dead = await asyncio.to_thread(self._owner.dead)
        async with self._database.transaction() as transaction:
            await transaction.lock("running bot", application_id)
            rows = await transaction.fetch(
                "SELECT owner, lease_until FROM running_bots WHERE application_id = ?",
                application_id,
            )
            # Processes that share its shards would answer, too.
            rows += await transaction.fetch(
                "SELECT owner, lease_until FROM shards WHERE application_id = ? "
                "AND lease_until > ? AND owner <> ''",
                application_id,
                self._database.now(),
            )
            for row in rows:
                if row["owner"] not in (*dead, self._owner.name, instead_of):
                    return row["owner"], row["lease_until"]
            await transaction.change(
                "INSERT INTO running_bots (application_id, owner, lease_until) VALUES (?, ?, ?) "
                "ON CONFLICT (application_id) DO UPDATE SET owner = excluded.owner, "
                "lease_until = excluded.lease_until",
                application_id,
                self._owner.name,
                lease_end(self._database, self.seconds),
            )
        return None

    async def renew(self, application_id: str) -> bool:
        """Renew the lease; False if another process has taken this bot over."""
        changed = await self._database.change(
            "UPDATE running_bots SET lease_until = ? WHERE application_id = ? AND owner = ?",
            lease_end(self._database, self.seconds),
            application_id,
            self._owner.name,
        )
        return changed > 0

    async def release(self, application_id: str) -> None:
        """Let the next process start at once."""
        await self._database.change(
            "DELETE FROM running_bots WHERE application_id = ? AND owner = ?",
            application_id,
            self._owner.name,
        )
