"""Which process is connected to which of Discord's shards, and who takes over a dead one's."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from data.database import Database, Row, Transaction, lease_end
from data.jobs.owners import Owner
from data.running_bots import InUseError

# Short, so that a dead process's shards are connected elsewhere within 30 s.
LEASE_SECONDS = 15.0
# Another process that starts at the same time has this long to claim its own shards.
_UNCLAIMED_LEASES = 4
_LOOK_SECONDS = 1.0
# Discord's limit: a session of each bucket in this time.
_START_MS = 5000
_TRUSTED_STARTS = 64


@dataclass(frozen=True)
class Held:
    """The shards of this process; those in ``wanted`` must be disconnected and given back."""

    shards: frozenset[int]
    wanted: frozenset[int]


class Shards:
    """A row for each shard, leased to the process that is connected to it.

    Leases alone tell who is alive: a process that its supervisor starts again at once keeps its
    shards. Every method raises StoreError if the database cannot be used.
    """

    def __init__(self, database: Database, owner: Owner, seconds: float = LEASE_SECONDS) -> None:
        self._database = database
        self._owner = owner
        self.seconds = seconds
        self._born = self._looked = time.monotonic()
        self._patient_until = self._end()

    async def claim(self, application_id: str, number: int, own: Collection[int]) -> Held:
        """Claim this process's ``own`` shards of ``number``, at its start.

        Those that another process took over come with a later :meth:`look`. Raises InUseError if
        they are another living process's own, or it runs this bot with another number of shards.
        """
        first = found = await self._claim(application_id, number, own)
        while found:
            for shard, (owner, lease) in found.items():
                alive = await asyncio.to_thread(self._owner.is_alive, owner)
                if alive or first.get(shard, (owner, lease)) != (owner, lease):
                    raise InUseError(
                        "Another process is running shard {shard} of this bot. Stop it first, or "
                        "give each process an IMAGINE_SHARD_IDS of its own and the same "
                        "IMAGINE_SHARDS.",
                        shard=shard,
                    )
            # Nobody here knows whether it is alive: wait until its lease is renewed or ends.
            await asyncio.sleep(min(_LOOK_SECONDS, self.seconds / 5))
            found = await self._claim(application_id, number, own)
        return await self.look(application_id, number, own)

    async def _claim(
        self, application_id: str, number: int, own: Collection[int]
    ) -> Mapping[int, tuple[str, int]]:
        """Take what is free; returns the owners and leases of rows that are in the way."""
        dead = await asyncio.to_thread(self._owner.dead)
        free = {"", self._owner.name, *dead}
        now = self._database.now()
        in_the_way: dict[int, tuple[str, int]] = {}
        async with self._database.transaction() as transaction:
            await transaction.lock("running bot", application_id)
            rows = await self._rows(transaction, application_id)
            whole = await transaction.fetch(
                "SELECT owner, lease_until FROM running_bots WHERE application_id = ?",
                application_id,
            )
            for row in [*whole, *rows.values()]:
                conflicts = "shard" not in row or (
                    row["shards"] != number or (row["shard"] in own and row["home"])
                )
                if conflicts and row["owner"] not in free and row["lease_until"] > now:
                    in_the_way[row.get("shard", 0)] = row["owner"], row["lease_until"]
            if in_the_way:
                return in_the_way
            if any(row["shards"] != number for row in rows.values()):
                await transaction.change(
                    "DELETE FROM shards WHERE application_id = ?", application_id
                )
                rows = {}
            for shard in own:
                mine = rows.get(shard)
                if mine is None or mine["owner"] in free or mine["lease_until"] <= now:
                    await self._take(transaction, application_id, number, shard, home=True)
        return in_the_way

    async def look(self, application_id: str, number: int, own: Collection[int]) -> Held:
        """Renew the leases; take over shards of dead processes, and ask for ``own`` ones back.

        Of several processes each takes over its part. To be called three times in a lease.
        """
        seconds = time.monotonic() - self._looked
        async with self._database.transaction() as transaction:
            await transaction.lock("running bot", application_id)
            now = self._database.now()
            if seconds > self.seconds:
                # Others could not renew theirs either, if it was the database's fault.
                self._patient_until = self._end()
            await transaction.change(
                "UPDATE shards SET lease_until = ? WHERE application_id = ? AND owner = ?",
                self._end(),
                application_id,
                self._owner.name,
            )
            rows = await self._rows(transaction, application_id)
            held = {shard for shard, row in rows.items() if row["owner"] == self._owner.name}
            wanted = {
                shard for shard in held if rows[shard]["wanted_by"] not in (None, self._owner.name)
            }
            if now >= self._patient_until:
                for shard in self._share(rows, number, own, now):
                    await self._take(transaction, application_id, number, shard, home=shard in own)
                    held.add(shard)
            for shard in set(own) - held:
                await transaction.change(
                    "UPDATE shards SET wanted_by = ? WHERE application_id = ? AND shard = ?",
                    self._owner.name,
                    application_id,
                    shard,
                )
        self._looked = time.monotonic()
        return Held(frozenset(held), frozenset(wanted))

    def _share(
        self, rows: Mapping[int, Row], number: int, own: Collection[int], now: int
    ) -> list[int]:
        """The shards without a living process that this process should take now."""
        waited = time.monotonic() - self._born > _UNCLAIMED_LEASES * self.seconds
        free = [
            shard
            for shard in range(number)
            if (shard not in rows and waited)
            or (shard in rows and rows[shard]["lease_until"] <= now)
        ]
        living = {row["owner"] for row in rows.values() if row["lease_until"] > now} - {""}
        share = math.ceil(len(free) / len(living | {self._owner.name}))
        return sorted(free, key=lambda shard: shard not in own)[:share]

    async def give_back(self, application_id: str, shard: int) -> None:
        """Hand a disconnected shard to the process that wants it."""
        await self._database.change(
            "UPDATE shards SET owner = wanted_by, wanted_by = NULL, home = 1, lease_until = ? "
            "WHERE application_id = ? AND shard = ? AND owner = ? AND wanted_by IS NOT NULL",
            self._end(),
            application_id,
            shard,
            self._owner.name,
        )

    async def release(self, application_id: str) -> None:
        """Leave the shards: to this process's next start at once, to others after a lease."""
        await self._database.change(
            "UPDATE shards SET owner = '', lease_until = ? WHERE application_id = ? AND owner = ?",
            self._end(),
            application_id,
            self._owner.name,
        )

    async def wait_for_start(self, application_id: str, bucket: int) -> float:
        """Reserve the start of a session; returns in how many seconds it may happen.

        Discord allows one in five seconds for each ``bucket``, whichever process starts it.
        """
        key = f"session start {application_id} {bucket}"
        async with self._database.transaction() as transaction:
            await transaction.lock("session start", key)
            now = self._database.now()
            rows = await transaction.fetch("SELECT value FROM meta WHERE key = ?", key)
            last = int(rows[0]["value"]) if rows else 0
            if last > now + _TRUSTED_STARTS * _START_MS:  # the clock was wrong
                last = 0
            start = max(now, last + _START_MS)
            await transaction.change(
                "INSERT INTO meta (key, value) VALUES (?, ?) "
                "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                key,
                str(start),
            )
        return (start - now) / 1000

    async def _rows(self, transaction: Transaction, application_id: str) -> dict[int, Row]:
        rows = await transaction.fetch(
            "SELECT * FROM shards WHERE application_id = ?", application_id
        )
        return {row["shard"]: row for row in rows}

    async def _take(
        self, transaction: Transaction, application_id: str, number: int, shard: int, *, home: bool
    ) -> None:
        await transaction.change(
            "INSERT INTO shards (application_id, shard, shards, owner, lease_until, home) "
            "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (application_id, shard) DO UPDATE SET "
            "shards = excluded.shards, owner = excluded.owner, "
            "lease_until = excluded.lease_until, home = excluded.home, wanted_by = NULL",
            application_id,
            shard,
            number,
            self._owner.name,
            self._end(),
            int(home),
        )

    def _end(self) -> int:
        return lease_end(self._database, self.seconds)
