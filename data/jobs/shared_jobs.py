"""One queue for several processes of a bot; the store's side of engine.jobs.shared.SharedQueue."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Awaitable, Callable, Collection, Sequence

from data.database import Database, Row, Transaction, lease_end
from data.errors import StoreError
from data.jobs.owners import Owner
from data.jobs.stored import COLUMNS, UNFINISHED, in_states
from data.jobs.turns import Turns
from engine.clock import now_ms
from engine.jobs.job import JobRecord, charged
from engine.jobs.shared import Everywhere, SharedJob

log = logging.getLogger("data.jobs.shared_jobs")

_CHANNEL, _RETRIES = "queue", "retries"
# A job is left to the process that was asked for it at first: it starts it, and shows it.
_SETTLED_MS = 1_000

RecordsOf = Callable[[Sequence[Row]], Awaitable[list[JobRecord]]]


class SharedJobs:
    """The jobs of all processes of the bot ``application_id``, as ``owner`` sees them.

    Each process is a row that it renews by :meth:`publish`; until then nobody shares with it.
    ``moves_videos`` is whether time-lapses can be made anywhere: where all have one data folder.
    Every method raises StoreError if the database cannot be used.
    """

    def __init__(
        self,
        database: Database,
        owner: Owner,
        application_id: str,
        lease_seconds: float,
        records_of: RecordsOf,
        *,
        moves_videos: bool,
    ) -> None:
        self.turns = Turns(database, application_id)
        self.seconds = lease_seconds
        self._database = database
        self._owner = owner
        self._id = application_id
        self._records_of = records_of
        self._moves_videos = moves_videos
        self._known: dict[str, JobRecord] = {}
        self._owners: dict[str, str] = {}

    # The processes.

    async def publish(self, devices: int, slots: int, status: str) -> None:
        """Tell the others how many devices and jobs at once this process has, and its ``status``.

        To be repeated three times in a lease.
        """
        await self._database.change(
            "INSERT INTO processes (owner, application_id, lease_until, devices, slots, status) "
            "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (owner) DO UPDATE SET lease_until = "
            "excluded.lease_until, devices = excluded.devices, slots = excluded.slots, "
            "status = excluded.status",
            self._owner.name,
            self._id,
            lease_end(self._database, self.seconds),
            devices,
            slots,
            status,
        )

    async def withdraw(self) -> None:
        """Leave, and delete what processes left that died."""
        await self._database.change("DELETE FROM processes WHERE owner = ?", self._owner.name)
        await self._database.change(
            "DELETE FROM processes WHERE application_id = ? AND lease_until < ?",
            self._id,
            self._database.now(),
        )

    async def statuses(self) -> list[str]:
        """What the other living processes published."""
        return [row["status"] for row in await self._others()]

    async def _others(self) -> list[Row]:
        return await self._database.fetch(
            "SELECT devices, slots, status FROM processes "
            "WHERE application_id = ? AND owner <> ? AND lease_until > ? ORDER BY owner",
            self._id,
            self._owner.name,
            self._database.now(),
        )

    async def ask_to_retry(self, guild_id: str) -> None:
        """Tell the others that a server may accept now what it refused, if they have such jobs."""
        # All servers' jobs that wait for this are few.
        rows = await self._database.fetch(
            "SELECT guild_id FROM jobs WHERE delivered_at IS NULL "  # noqa: S608  constants
            f"AND NOT {in_states(UNFINISHED)} AND owner <> ?",
            self._owner.name,
        )
        if any(row["guild_id"] == guild_id for row in rows):
            async with self._database.transaction() as transaction:
                await transaction.tell(_RETRIES)

    def listen_for_retries(self, heard: Callable[[], None]) -> None:
        """Call ``heard`` when another process asks for that."""
        self._database.listen(_RETRIES, heard)

    # The jobs.

    def listen(self, heard: Callable[[], None]) -> None:
        """Call ``heard`` when a process added, started or ended a job."""
        self._database.listen(_CHANNEL, heard)

    async def tell(self, transaction: Transaction) -> None:
        """Tell the others that this transaction changes the queue."""
        await transaction.tell(_CHANNEL)

    async def started(self, id: str, now: int) -> None:
        """Charge a job of this process that was started ``now`` for the first time.

        A failure is only logged: it costs some fairness, not the job.
        """
        try:
            async with self._database.transaction() as transaction:
                rows = await transaction.fetch(
                    "SELECT person, COALESCE(work, 0) AS work, share, grid FROM jobs "
                    "WHERE id = ? AND owner = ? AND started_at = ?",
                    id,
                    self._owner.name,
                    now,
                )
                for row in rows:
                    in_turn = row["grid"] in (None, id)
                    work = round(charged(row["work"], row["share"]))
                    await self.turns.serve(transaction, row["person"], work, in_turn=in_turn)
                await self.tell(transaction)
        except StoreError as error:
            log.warning("Could not charge a job: %s", error, extra={"job": id})

    async def ended(self) -> None:
        """Tell the others that a job ended; they look from time to time anyway."""
        with contextlib.suppress(StoreError):
            async with self._database.transaction() as transaction:
                await self.tell(transaction)

    async def look(self) -> Everywhere:
        """The unfinished jobs of all processes, and the others' devices."""
        others = await self._others()
        rows = await self._database.fetch(
            "SELECT jobs.id, jobs.owner, jobs.sequence, jobs.created_at, jobs.started_at, "  # noqa: S608  constants
            "jobs.state, jobs.time_lapse_of, COALESCE(jobs.work, 0) AS work, "
            "COALESCE(turns.work, 0) AS account FROM jobs "
            "JOIN processes ON processes.owner = jobs.owner AND processes.application_id = ? "
            "LEFT JOIN turns ON turns.application_id = ? AND turns.person = jobs.person "
            f"WHERE jobs.delivered_at IS NULL AND jobs.{in_states(UNFINISHED)}",
            self._id,
            self._id,
        )
        known = await self._records(rows)
        self._owners = {row["id"]: row["owner"] for row in rows}
        settled = now_ms() - _SETTLED_MS
        jobs = [
            SharedJob(
                known[row["id"]],
                number=row["sequence"],
                account=row["account"],
                work=row["work"],
                mine=row["owner"] == self._owner.name,
                waiting=row["state"] == "queued" and row["started_at"] is None,
                movable=row["created_at"] < settled
                and (self._moves_videos or row["time_lapse_of"] is None),
            )
            for row in rows
            if row["id"] in known
        ]
        return Everywhere(
            jobs, sum(row["devices"] for row in others), sum(row["slots"] for row in others)
        )

    async def _records(self, rows: Sequence[Row]) -> dict[str, JobRecord]:
        """The records of these jobs; each is read once, and again when it has started."""
        new = [
            row["id"]
            for row in rows
            if row["id"] not in self._known
            or self._known[row["id"]].started_at != row["started_at"]
        ]
        known = {row["id"]: self._known[row["id"]] for row in rows if row["id"] in self._known}
        known |= {record.id: record for record in await self._read(new)}
        self._known = known
        return known

    async def _read(self, ids: Sequence[str]) -> list[JobRecord]:
        if not ids:
            return []
        marks = ", ".join("?" for _ in ids)
        rows = await self._database.fetch(
            f"SELECT {COLUMNS}, NULL AS person_served_at FROM jobs WHERE id IN ({marks}) "  # noqa: S608  marks
            "ORDER BY sequence",
            *ids,
        )
        return await self._records_of(rows)

    async def take(self, id: str) -> Sequence[JobRecord]:
        """Make a waiting job this process's, with all jobs of its grid; see SharedQueue.

        Only from the process that had it at the last :meth:`look`: of several that want it, one
        gets it.
        """
        owner = self._owners.get(id, self._owner.name)
        if owner == self._owner.name:
            return []
        async with self._database.transaction() as transaction:
            rows = await transaction.fetch(
                "SELECT grid FROM jobs WHERE id = ? AND owner = ? AND delivered_at IS NULL "
                "AND state = 'queued' AND started_at IS NULL FOR UPDATE SKIP LOCKED",
                id,
                owner,
            )
            if not rows:
                return []
            ids = [id]
            if rows[0]["grid"] is not None:
                ids = await self._waiting_grid(transaction, rows[0]["grid"])
            await transaction.change_many(
                "UPDATE jobs SET owner = ?, lease_until = ? WHERE id = ?",
                [(self._owner.name, lease_end(self._database, self.seconds), id) for id in ids],
            )
            await self.tell(transaction)
        return await self._read(ids)

    async def _waiting_grid(self, transaction: Transaction, grid: str) -> list[str]:
        """The ids of a grid's jobs, which are delivered together; none if some do not wait."""
        rows = await transaction.fetch(
            "SELECT id, state, started_at FROM jobs WHERE grid = ? ORDER BY sequence "
            "FOR UPDATE SKIP LOCKED",
            grid,
        )
        everyone = await transaction.fetch("SELECT id FROM jobs WHERE grid = ?", grid)
        waiting = [
            row["id"] for row in rows if row["state"] == "queued" and row["started_at"] is None
        ]
        return waiting if len(waiting) == len(everyone) else []

    async def still_mine(self, ids: Collection[str]) -> set[str]:
        """Those of the jobs that are unfinished and this process's."""
        marks = ", ".join("?" for _ in ids)
        rows = await self._database.fetch(
            f"SELECT id FROM jobs WHERE id IN ({marks}) AND owner = ? AND {in_states(UNFINISHED)}",  # noqa: S608  marks
            *ids,
            self._owner.name,
        )
        return {row["id"] for row in rows}

    async def is_elsewhere(self, id: str) -> bool:
        """Whether another process has that job, or has ended it."""
        return bool(
            await self._database.fetch(
                "SELECT id FROM jobs WHERE id = ? AND (owner IS NULL OR owner <> ?)",
                id,
                self._owner.name,
            )
        )
