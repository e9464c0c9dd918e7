"""How often pictures were starred, the server's starboard, and its gallery."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from data.database import Database, Row
from data.jobs.messages import MESSAGE_COLUMNS, JobMessage
from data.jobs.stored import COLUMNS, StoredJob, stored_job

_TOGETHER = 50  # channels in one statement
_CHUNK = 100
# A picture that everybody in its channel sees: posted there, and neither removed nor reported.
_PUBLIC = (
    "state = 'delivered' AND picture IS NOT NULL AND removed_at IS NULL "
    "AND private_channel_id IS NULL AND time_lapse_of IS NULL "
    "AND EXISTS (SELECT 1 FROM job_messages shown WHERE shown.job_id = jobs.id "
    "AND shown.kind = 'result' AND shown.guild_id IS NOT NULL) "
    "AND NOT EXISTS (SELECT 1 FROM stars reported WHERE reported.job_id = jobs.id "
    "AND reported.hidden = 1)"
)


@dataclass(frozen=True)
class Starred:
    """A job's row: its ``stars`` at the last look, whether it was ``posted`` or is ``hidden``."""

    stars: int = 0
    posted: bool = False
    hidden: bool = False


@dataclass(frozen=True)
class Shown:
    """A picture of the gallery, with its number among all jobs, and its stars."""

    job: StoredJob
    sequence: int
    stars: int


class Stars:
    """Keeps stars; every method raises StoreError if the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, job_id: str) -> Starred:
        """What is known about a job."""
        rows = await self._database.fetch(
            "SELECT stars, posted, hidden FROM stars WHERE job_id = ?", job_id
        )
        if not rows:
            return Starred()
        row = rows[0]
        return Starred(int(row["stars"]), bool(row["posted"]), bool(row["hidden"]))

    async def count(self, job_id: str, guild_id: str, stars: int) -> None:
        """Write down how many stars a job's message has now."""
        await self._database.change(
            "INSERT INTO stars (job_id, guild_id, stars) VALUES (?, ?, ?) "
            "ON CONFLICT (job_id) DO UPDATE SET stars = excluded.stars",
            job_id,
            guild_id,
            stars,
        )

    async def hide(self, job_ids: Collection[str], guild_id: str, *, hidden: bool = True) -> None:
        """Take jobs out of the starboard and the gallery, or let them in again."""
        async with self._database.transaction() as transaction:
            await transaction.change_many(
                "INSERT INTO stars (job_id, guild_id, hidden) VALUES (?, ?, ?) "
                "ON CONFLICT (job_id) DO UPDATE SET hidden = excluded.hidden, posted = 0",
                [(job_id, guild_id, int(hidden)) for job_id in job_ids],
            )

    async def claim(self, job_id: str) -> bool:
        """Mark a job as posted, for the caller to post; False if it was, or is hidden."""
        return bool(
            await self._database.change(
                "UPDATE stars SET posted = 1 WHERE job_id = ? AND posted = 0 AND hidden = 0", job_id
            )
        )

    async def release(self, job_id: str) -> None:
        """Undo a claim, as posting failed."""
        await self._database.change("UPDATE stars SET posted = 0 WHERE job_id = ?", job_id)

    async def posted(
        self, job_ids: Collection[str], guild_id: str, channel_id: str, message_id: str
    ) -> None:
        """Write down the starboard's message about jobs."""
        async with self._database.transaction() as transaction:
            await transaction.change_many(
                "INSERT INTO job_messages (channel_id, message_id, job_id, guild_id, kind) "
                "VALUES (?, ?, ?, ?, 'starboard') ON CONFLICT DO NOTHING",
                [(channel_id, message_id, job_id, guild_id) for job_id in job_ids],
            )

    async def message(self, job_id: str) -> JobMessage | None:
        """The starboard's message about a job."""
        rows = await self._database.fetch(
            f"SELECT {MESSAGE_COLUMNS} FROM job_messages WHERE job_id = ? AND kind = 'starboard'",  # noqa: S608  constant
            job_id,
        )
        return JobMessage(**rows[0]) if rows else None

    async def newest(
        self,
        channels: Collection[str],
        limit: int,
        *,
        before: int | None = None,
        after: int | None = None,
    ) -> list[Shown]:
        """Public pictures of the channels, newest first.

        At most ``limit``: those ``before`` a number, or the nearest ones ``after`` it.
        """
        order, condition, edge = "DESC", "sequence < ?", 1 << 62 if before is None else before
        if after is not None:
            order, condition, edge = "ASC", "sequence > ?", after
        # Channel by channel, so that few jobs are read even if the newest are elsewhere.
        one = (
            f"SELECT * FROM (SELECT {COLUMNS}, sequence, "  # noqa: S608  constants
            "(SELECT starred.stars FROM stars starred "
            "WHERE starred.job_id = COALESCE(jobs.grid, jobs.id)) AS stars "
            "FROM jobs WHERE channel_id = ? "
            f"AND {condition} AND {_PUBLIC} ORDER BY sequence {order} LIMIT ?) AS newest"
        )
        found: list[Row] = []
        places = sorted(channels)
        for start in range(0, len(places), _TOGETHER):
            some = places[start : start + _TOGETHER]
            found += await self._database.fetch(
                " UNION ALL ".join([one] * len(some)),
                *(value for channel in some for value in (channel, edge, limit)),
            )
        found.sort(key=lambda row: int(row["sequence"]), reverse=after is None)
        chosen = sorted(found[:limit], key=lambda row: -int(row["sequence"]))
        return [
            Shown(stored_job(row), int(row["sequence"]), int(row["stars"] or 0)) for row in chosen
        ]

    async def most_starred(
        self, guild_id: str, channels: Collection[str], offset: int, limit: int
    ) -> list[Shown]:
        """Public pictures of the channels that have stars, those with the most first."""
        wanted, found = set(channels), list[Shown]()
        skipped = at = 0
        while len(found) < limit:
            rows = await self._database.fetch(
                "SELECT job_id, stars FROM stars WHERE guild_id = ? AND stars > 0 "
                "ORDER BY stars DESC, job_id LIMIT ? OFFSET ?",
                guild_id,
                _CHUNK,
                at,
            )
            at += len(rows)
            public = await self._public([row["job_id"] for row in rows])
            for row in rows:
                job = public.get(row["job_id"])
                if job is None or job[0].channel_id not in wanted:
                    continue
                if skipped < offset:
                    skipped += 1
                elif len(found) < limit:
                    found.append(Shown(job[0], job[1], int(row["stars"])))
            if len(rows) < _CHUNK:
                break
        return found

    async def _public(self, ids: Sequence[str]) -> dict[str, tuple[StoredJob, int]]:
        if not ids:
            return {}
        rows = await self._database.fetch(
            f"SELECT {COLUMNS}, sequence FROM jobs WHERE id IN ({', '.join('?' * len(ids))}) "  # noqa: S608  marks
            f"AND {_PUBLIC}",
            *ids,
        )
        return {row["id"]: (stored_job(row), int(row["sequence"])) for row in rows}
