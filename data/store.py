"""What the queue and the bot write down and find again; see engine.jobs.job.JobStore."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import platformdirs

from data import files
from data.backup import DATABASE
from data.database import Database, Transaction
from data.errors import StoreError
from data.files import Files
from data.leases import Leases
from data.owners import Owner
from data.recovery import recover
from data.stored import COLUMNS, StoredJob, request_of, stored_job
from engine.clock import now_ms
from engine.errors import RequestError
from engine.events import Done
from engine.jobs.job import JobRecord, Place, State, Wish
from engine.request.request import ImageRequest

log = logging.getLogger("data.store")

LEASE_SECONDS = 60.0
# What Continue goes on from, of all jobs together. A picture of 256x256 has about 1 MB of state,
# so that a thousand can be gone on with; a codebook latent has fifty times as much.
STATES_BYTES = 1 << 30
_UNFINISHED: tuple[State, ...] = ("queued", "running")
_PICTURES: tuple[State, ...] = ("rendered", "delivered")


def data_folder() -> Path:
    """Where the bot's files lie unless told otherwise: the user's data folder."""
    return platformdirs.user_data_path("imagine-bot", appauthor=False)


class Store:
    """The database and the files of one data folder, opened with :meth:`open`.

    Rows that are not finished, or whose end nobody was told yet, belong to one open Store; a
    second one takes over what is nobody's (see data.leases).
    Every method raises StoreError where the database or a file cannot be used.
    """

    def __init__(self, folder: Path, database: Database, owner: Owner, lease: float) -> None:
        self.folder = folder
        self.files = Files(folder)
        self.watchers: list[Callable[[str], None]] = []  # told of each delivered job's id
        self._database = database
        self._owner = owner
        self._leases = Leases(database, owner, lease)
        self._attaching = asyncio.Lock()

    @property
    def database(self) -> Database:
        """The open database, for what other modules of ``data`` keep in it."""
        return self._database

    @classmethod
    async def open(cls, folder: Path | None = None, *,
                   lease_seconds: float = LEASE_SECONDS) -> Store:
        """Open ``folder`` (without it :func:`data_folder`), made where it is not there.

        A damaged database is set aside, and the newest good backup put in its place (see
        data.recovery). Raises StoreError where it cannot be used, or is of a newer version.
        """
        folder = data_folder() if folder is None else folder
        await asyncio.to_thread(Files(folder).make)
        # Before this process is an owner: a damaged database is replaced only where there is none.
        await asyncio.to_thread(recover, folder)
        owner = await asyncio.to_thread(Owner, folder / "owners")
        try:
            database = await Database.open(folder / DATABASE)
        except BaseException:
            owner.close()
            raise
        return cls(folder, database, owner, lease_seconds)

    async def close(self) -> None:
        """Let go of what is unfinished or untold, for the next who opens the folder."""
        try:
            await self._leases.let_go()
        finally:
            await self._database.close()
            await asyncio.to_thread(self._owner.close)

    # For the queue.

    async def add(self, record: JobRecord, pictures: Mapping[str, bytes]) -> None:
        """Write down a new job and its pictures; see JobStore."""
        wanted = record.request.pictures_needed()
        async with self._attaching:
            await asyncio.to_thread(self._attach, wanted, pictures)
            if record.continues is not None and not await asyncio.to_thread(
                    self.files.copy_state, record.continues, record.id):
                raise RequestError("What that picture could go on from is not kept any more; "
                                   "press Edit to start from the picture itself.")
            async with self._database.transaction() as transaction:
                await transaction.change(
                    "INSERT INTO jobs (id, sequence, person, guild_id, channel_id, locale, "
                    "request, prompt, seed, state, owner, lease_until, created_at) "
                    "SELECT ?, COALESCE(MAX(sequence), 0) + 1, ?, ?, ?, ?, ?, ?, ?, 'queued', ?, "
                    "?, ? FROM jobs",
                    record.id, record.person, record.place.guild_id, record.place.channel_id,
                    record.place.locale, record.request.model_dump_json(exclude_none=True),
                    record.request.prompt, record.request.seed, self._owner.name,
                    self._leases.end(), record.created_at)
                for sha256 in wanted:
                    await transaction.change(
                        "INSERT INTO attachments (job_id, sha256) VALUES (?, ?)",
                        record.id, sha256)

    def _attach(self, wanted: Sequence[str], pictures: Mapping[str, bytes]) -> None:
        for sha256 in wanted:
            path = self.files.attachment(sha256)
            if path.exists():
                continue
            if sha256 not in pictures:
                raise RequestError("A picture that this needs is not there any more; attach it "
                                   "again.")
            files.write(path, pictures[sha256])

    async def attachments(self, id: str) -> dict[str, bytes]:
        """The job's pictures from outside, by SHA-256; one that is gone is left out."""
        rows = await self._database.fetch(
            "SELECT sha256 FROM attachments WHERE job_id = ?", id)
        found = {}
        for row in rows:
            data = await asyncio.to_thread(files.read, self.files.attachment(row["sha256"]))
            if data is not None:
                found[row["sha256"]] = data
        return found

    def state_path(self, id: str) -> Path:
        """Where the worker keeps the half-painted job, and its last state when it is over."""
        return self.files.state(id)

    async def waiting(self) -> list[JobRecord]:
        """Take over the unfinished jobs that are nobody's; begun ones first, then by age."""
        taken = await self._leases.take_over()
        rows = await self._database.fetch(
            f"SELECT {COLUMNS}, (SELECT MAX(other.started_at) FROM jobs other "  # noqa: S608  constant
            "WHERE other.person = jobs.person) AS person_served_at FROM jobs "
            "WHERE owner = ? AND state IN ('queued', 'running') "
            "ORDER BY CASE WHEN started_at IS NULL THEN 1 ELSE 0 END, started_at, sequence",
            self._owner.name)
        if taken:
            log.info("took over %d jobs", taken)
        return [JobRecord(row["id"], request_of(row), row["person"],
                          Place(row["guild_id"], row["channel_id"], row["locale"]),
                          row["created_at"], row["started_at"], row["person_served_at"],
                          row["wish"]) for row in rows]

    async def started(self, id: str) -> bool:
        """queued or running -> running."""
        return await self._leases.move(id, "running", _UNFINISHED,
                                "started_at = COALESCE(started_at, ?)", now_ms())

    async def requeued(self, id: str) -> bool:
        """running -> queued; it will be the first to go on."""
        return await self._leases.move(id, "queued", ("running",))

    async def wished(self, id: str, wish: Wish) -> bool:
        """Remember what was asked of a running job."""
        return await self._leases.move(id, "running", ("running",), "wish = ?", wish)

    async def rendered(self, id: str, done: Done) -> bool:
        """queued or running -> rendered, the picture on disk before."""
        if not await self._is_mine(id):
            return False
        await asyncio.to_thread(files.write, self.files.picture(id), done.picture)
        result = {field.name: getattr(done, field.name) for field in dataclasses.fields(done)
                  if field.name != "picture"}
        ended = await self._end(id, "rendered", "result = ?, picture = ?", json.dumps(result),
                                self.files.picture(id).name)
        if ended:
            await self._thin_out_states()
        return ended

    async def _thin_out_states(self) -> None:
        """Of what is over, keep no more than can be afforded to continue from."""
        rows = await self._database.fetch(
            "SELECT id FROM jobs WHERE state IN ('queued', 'running')")
        await asyncio.to_thread(self.files.thin_out_states, [row["id"] for row in rows],
                                STATES_BYTES)

    async def failed(self, id: str, reason: str) -> bool:
        """queued or running -> failed."""
        return await self._end(id, "failed", "error = ?", reason)

    async def cancelled(self, id: str, partial: bytes | None) -> bool:
        """queued or running -> cancelled; ``partial`` is kept as the job's picture."""
        if partial is None:
            return await self._end(id, "cancelled", "picture = NULL")
        if not await self._is_mine(id):
            return False
        await asyncio.to_thread(files.write, self.files.picture(id), partial)
        return await self._end(id, "cancelled", "picture = ?", self.files.picture(id).name)

    async def rendition(self, id: str) -> tuple[ImageRequest, int] | None:
        """A rendered job's request and the iterations made."""
        job = await self.job(id)
        if job is None or job.result is None or job.state not in _PICTURES:
            return None
        return job.request, int(job.result["iterations"])

    # For the bot.

    async def job(self, id: str) -> StoredJob | None:
        """All that is known of a job."""
        rows = await self._database.fetch(
            f"SELECT {COLUMNS} FROM jobs WHERE id = ?", id)  # noqa: S608  constant
        return stored_job(rows[0], self.files) if rows else None

    async def recent_prompts(self, person: str, limit: int) -> list[str]:
        """What the person asked for last, each once, newest first."""
        rows = await self._database.fetch(
            "SELECT prompt, MAX(sequence) AS newest FROM jobs WHERE person = ? "
            "GROUP BY prompt ORDER BY newest DESC LIMIT ?", person, limit)
        return [row["prompt"] for row in rows]

    async def history(self, person: str, *, guild_id: str | None, offset: int = 0,
                      limit: int = 10) -> list[StoredJob]:
        """The person's pictures in that server, newest first; with None, wherever they are."""
        where, values = _whose(person, guild_id)
        rows = await self._database.fetch(
            f"SELECT {COLUMNS} FROM jobs WHERE {where} "  # noqa: S608  constants
            "ORDER BY sequence DESC LIMIT ? OFFSET ?", *values, limit, offset)
        return [stored_job(row, self.files) for row in rows]

    async def count_history(self, person: str, *, guild_id: str | None) -> int:
        """How many there are for :meth:`history`."""
        where, values = _whose(person, guild_id)
        rows = await self._database.fetch(
            f"SELECT COUNT(*) AS n FROM jobs WHERE {where}", *values)  # noqa: S608  constants
        return int(rows[0]["n"])

    async def set_progress_message(self, id: str, message_id: str | None) -> bool:
        """Which message shows the job's course; None where it is gone."""
        return await self._database.change(
            "UPDATE jobs SET progress_message_id = ? WHERE id = ?", message_id, id) > 0

    async def set_result_message(self, id: str, message_id: str) -> bool:
        """rendered -> delivered, with the message that has the picture.

        A failed job stays failed, with the message that says why. A second call changes nothing.
        """
        if await self._leases.told(id, ("rendered",), "result_message_id = ?, state = 'delivered'",
                            message_id):
            for watcher in self.watchers:
                watcher(id)
            return True
        return await self._leases.told(id, ("failed",), "result_message_id = ?", message_id)

    async def set_told(self, id: str) -> bool:
        """A cancelled job's people know; there is no message of its own. Idempotent as above."""
        return await self._leases.told(id, ("cancelled",), "state = state")

    async def undelivered(self) -> list[StoredJob]:
        """Jobs that are over, told to nobody yet and no other process's, in order of arrival."""
        await self._leases.take_over()
        rows = await self._database.fetch(
            f"SELECT {COLUMNS} FROM jobs WHERE owner = ? AND delivered_at IS NULL "  # noqa: S608  constant
            "AND state IN ('rendered', 'failed', 'cancelled') ORDER BY sequence",
            self._owner.name)
        return [stored_job(row, self.files) for row in rows]

    async def picture(self, id: str) -> bytes | None:
        """The job's picture, a PNG's bytes; None where there is none."""
        job = await self.job(id)
        if job is None or job.picture_path is None:
            return None
        return await asyncio.to_thread(files.read, job.picture_path)

    async def delete(self, id: str) -> bool:
        """Forget a job: its row, its picture, and what was attached to it alone."""
        async with self._attaching:
            async with self._database.transaction() as transaction:
                orphans = await self._orphans(transaction, id)
                if not await transaction.change("DELETE FROM jobs WHERE id = ?", id):
                    return False
            await asyncio.to_thread(self._remove_files, id, orphans)
        return True

    async def _orphans(self, transaction: Transaction, id: str) -> list[str]:
        rows = await transaction.fetch(
            "SELECT sha256 FROM attachments WHERE job_id = ? AND sha256 NOT IN "
            "(SELECT sha256 FROM attachments WHERE job_id <> ?)", id, id)
        return [row["sha256"] for row in rows]

    def _remove_files(self, id: str, attachments: Sequence[str]) -> None:
        self.files.remove_picture(id)
        self.files.forget_state(id)
        for sha256 in attachments:
            self.files.remove_attachment(sha256)

    async def withdraw(self, sha256: str) -> None:
        """Take a picture from outside away from every job that it was attached to."""
        async with self._attaching:
            await self._database.change("DELETE FROM attachments WHERE sha256 = ?", sha256)
            await asyncio.to_thread(self.files.remove_attachment, sha256)

    async def get_meta(self, key: str) -> str | None:
        """What was kept under ``key``."""
        rows = await self._database.fetch("SELECT value FROM meta WHERE key = ?", key)
        return rows[0]["value"] if rows else None

    async def set_meta(self, key: str, value: str) -> None:
        """Keep ``value`` under ``key``."""
        await self._database.change(
            "INSERT INTO meta (key, value) VALUES (?, ?) "
            "ON CONFLICT (key) DO UPDATE SET value = excluded.value", key, value)

    async def _end(self, id: str, to: State, also: str, *values: object) -> bool:
        ended = await self._leases.move(id, to, _UNFINISHED, f"{also}, ended_at = ?", *values,
                                        now_ms())
        if ended and to != "rendered":  # a picture that is there can be continued
            await asyncio.to_thread(self.files.forget_state, id)
        return ended

    async def _is_mine(self, id: str) -> bool:
        """Whether the job is this Store's to finish."""
        mine = await self._leases.holds(id, _UNFINISHED)
        if mine is None:  # deleted while the worker went on saving
            with contextlib.suppress(StoreError):  # no id of ours
                await asyncio.to_thread(self.files.forget_state, id)
        return bool(mine)


def _whose(person: str, guild_id: str | None) -> tuple[str, list[str]]:
    """The condition for a person's pictures, in one server or everywhere, and its values."""
    shown = "person = ? AND state IN ('rendered', 'delivered')"
    if guild_id is None:
        return shown, [person]
    return f"{shown} AND guild_id = ?", [person, guild_id]
