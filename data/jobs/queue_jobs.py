"""What the queue writes down about each job; the store's side of engine.jobs.job.JobStore."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from data.database import Database, Row, Transaction
from data.errors import StoreError
from data.jobs.files import Files
from data.jobs.job_table import NEWEST, Jobs
from data.jobs.leases import Leases
from data.jobs.messages import add_message
from data.jobs.owners import Owner
from data.jobs.shared_jobs import SharedJobs
from data.jobs.stored import (
    COLUMNS,
    UNFINISHED,
    StoredJob,
    in_states,
    place_of,
    request_of,
    steering_of,
)
from data.jobs.usage import add_usage
from data.jobs.wishes import Wishes
from data.jobs.words import add_words
from data.pictures.base import Pictures
from data.pictures.names import attachment_name, picture_name, time_lapse_name
from engine.clock import now_ms
from engine.errors import OvertakenError, RequestError
from engine.events import Done
from engine.jobs.job import Interrupt, JobRecord, State
from engine.request.request import ImageRequest

log = logging.getLogger("data.jobs.queue_jobs")

# Limit for all saved states together. A 256x256 picture has about 1 MB of state, so a thousand
# can be continued; a codebook latent takes fifty times as much.
STATES_BYTES = 1 << 30


class QueueJobs(Jobs):
    """Moves jobs through their states.

    Unfinished and untold jobs belong to one open store; a second one takes over those without
    a living owner (see data.jobs.leases). Methods that return a bool change nothing and return
    False if the job is in another state or belongs to another store.
    """

    def __init__(
        self,
        database: Database,
        job_files: Files,
        pictures: Pictures,
        owner: Owner,
        lease_seconds: float,
    ) -> None:
        super().__init__(database, job_files, pictures, owner)
        self.watchers: list[Callable[[str], None]] = []  # called with each delivered job's id
        self._owner = owner
        self.wishes = Wishes(database, owner)
        self._leases = Leases(database, owner, lease_seconds)
        self.shared: SharedJobs | None = None  # set by share()

    @property
    def lease_seconds(self) -> float:
        """How long a job of a process that died stays with it, if nothing else tells of that."""
        return self._leases.seconds

    def share(self, application_id: str) -> SharedJobs:
        """Have one queue with the other processes of this bot, once all of them published."""
        self.shared = SharedJobs(
            self._database,
            self._owner,
            application_id,
            self._leases.seconds,
            self._records,
            moves_videos=not self.pictures.shared,
        )
        return self.shared

    async def add(self, record: JobRecord, pictures: Mapping[str, bytes]) -> None:
        """Write down a new job and its pictures; see JobStore."""
        await self.add_all([record], pictures)

    async def add_all(self, records: Sequence[JobRecord], pictures: Mapping[str, bytes]) -> None:
        """Write down several new jobs and their pictures, all or none; see JobStore."""
        wanted = {record.id: record.request.pictures_needed() for record in records}
        files_wanted = list(dict.fromkeys(sha256 for each in wanted.values() for sha256 in each))
        await self._attach(files_wanted, pictures)
        for record in records:
            if record.continues is not None and not await self.states.continue_from(
                record.continues, record.id
            ):
                raise RequestError(
                    "That picture can't be continued any more. Use Edit to "
                    "start from the picture itself."
                )
        async with self._database.transaction() as transaction:
            if files_wanted:
                # Who deletes the last other job with the same picture waits for this one, or has
                # just deleted the file.
                await transaction.lock("attachment", *files_wanted)
                await self._attach(files_wanted, pictures)
            await self._check_newest(transaction, records[0])
            if self.shared is not None:
                await self.shared.turns.join(transaction, records[0].person)
                await self.shared.tell(transaction)
            for record in records:
                await self._insert(transaction, record, wanted[record.id])
                if record.continues is not None:
                    await self.states.added(transaction, record.id)

    async def _insert(
        self, transaction: Transaction, record: JobRecord, wanted: Sequence[str]
    ) -> None:
        await transaction.change(
            "INSERT INTO jobs (id, sequence, person, guild_id, channel_id, locale, "
            "request, prompt, seed, time_lapse_of, spoiler, private_channel_id, grid, parent, "
            "work, share, state, owner, lease_until, created_at) VALUES (?, next_number('jobs'), "
            "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'queued', ?, ?, ?)",
            record.id,
            record.person,
            record.place.guild_id,
            record.place.channel_id,
            record.place.locale,
            record.request.model_dump_json(exclude_none=True),
            record.request.prompt,
            record.request.seed,
            record.time_lapse_of,
            int(record.place.spoiler),
            record.place.private_channel_id,
            record.grid,
            record.parent,
            None if record.seconds is None else max(1, round(record.seconds * 1000)),
            record.share,
            self._owner.name,
            self._leases.end(),
            record.created_at,
        )
        await transaction.change_many(
            "INSERT INTO attachments (job_id, sha256) VALUES (?, ?)",
            [(record.id, sha256) for sha256 in wanted],
        )
        if record.place.guild_id is not None:
            await add_usage(
                transaction, record.place.guild_id, record.person, record.id, record.created_at
            )
        if not record.place.private:  # or moderators could find it by its words
            await add_words(transaction, await self._indexed(transaction, record.id))

    async def _check_newest(self, transaction: Transaction, record: JobRecord) -> None:
        """Of one person's jobs, one is added at a time, so that their numbers show newer ones."""
        await transaction.lock("jobs of", record.person)
        if record.after is None:
            return
        rows = await transaction.fetch(NEWEST, record.person)
        if rows[0]["newest"] != record.after:
            raise OvertakenError("You've just asked for another picture. Try again.")

    async def _attach(self, wanted: Sequence[str], pictures: Mapping[str, bytes]) -> None:
        for sha256 in wanted:
            name, data = attachment_name(sha256), pictures.get(sha256)
            size = await self.pictures.size(name)
            if size is None and data is None:
                raise RequestError("A picture that this needs is gone. Attach it again.")
            # Another size is that of a damaged file.
            if data is not None and size != len(data):
                await self.pictures.write(name, data)

    def state_path(self, id: str) -> Path:
        """The file in which the worker saves the job's state, also after the job's end."""
        return self.files.state(id)

    async def bring_state(self, id: str) -> None:
        """Have the job's newest state in that file, wherever it was painted before."""
        await self.states.bring(id)

    def state_saved(self, id: str) -> None:
        """Copy the state for other machines."""
        self.states.saved(id)

    def frames_path(self, id: str) -> Path:
        """The file in which the worker records frames of the job, kept after the job's end."""
        return self.files.frames(id)

    async def waiting(self) -> list[JobRecord]:
        """Take over unfinished jobs without a living owner; started ones first, then by age."""
        await self._leases.take_over()
        return await self._unfinished()

    async def adopted(self) -> tuple[list[JobRecord], list[StoredJob]]:
        """Take over jobs whose owner died since: the unfinished ones, and those not told yet."""
        taken = set(await self._leases.take_over())
        if not taken:
            return [], []
        unfinished, ended = await self._unfinished(), await self._untold()
        return [each for each in unfinished if each.id in taken], [
            each for each in ended if each.id in taken
        ]

    async def _unfinished(self) -> list[JobRecord]:
        rows = await self._database.fetch(
            f"SELECT {COLUMNS}, (SELECT MAX(other.started_at) FROM jobs other "  # noqa: S608  constants
            "WHERE other.person = jobs.person) AS person_served_at FROM jobs "
            f"WHERE owner = ? AND delivered_at IS NULL AND {in_states(UNFINISHED)} "
            "ORDER BY CASE WHEN started_at IS NULL THEN 1 ELSE 0 END, started_at, sequence",
            self._owner.name,
        )
        return await self._records(rows)

    async def _records(self, rows: Sequence[Row]) -> list[JobRecord]:
        """The jobs in ``rows``, which have COLUMNS and person_served_at."""
        shown = [row["time_lapse_of"] for row in rows if row["time_lapse_of"] is not None]
        recorded = await asyncio.to_thread(
            lambda: {id for id in shown if self.files.frames(id).exists()}
        )
        return [
            JobRecord(
                row["id"],
                request_of(row),
                row["person"],
                place_of(row),
                row["created_at"],
                row["started_at"],
                row["person_served_at"],
                row["wish"],
                time_lapse_of=row["time_lapse_of"],
                recorded=row["time_lapse_of"] in recorded,
                grid=row["grid"],
                seconds=None if row["work"] is None else row["work"] / 1000,
                share=row["share"],
                steering=steering_of(row),
            )
            for row in rows
        ]

    async def started(self, id: str) -> bool:
        """queued or running -> running."""
        now = now_ms()
        moved = await self._leases.move(
            id, "running", UNFINISHED, "started_at = COALESCE(started_at, ?)", now
        )
        if moved and self.shared is not None:
            await self.shared.started(id, now)
        return moved

    async def requeued(self, id: str) -> bool:
        """running -> queued; it will be the first to continue."""
        moved = await self._leases.move(id, "queued", ("running",))
        if moved:
            self.states.saved(id, last=True)
        return moved

    async def interrupted(self, id: str, interrupt: Interrupt) -> bool:
        """Write down what was asked of a running job."""
        return await self._leases.move(id, "running", ("running",), "wish = ?", interrupt)

    async def ask_owner(self, id: str, interrupt: Interrupt) -> bool:
        """Ask the process whose job it is to stop or cancel it."""
        return await self.wishes.ask(id, interrupt)

    async def steer(self, id: str, key: str, change: str) -> bool:
        """Write down a change of a running job for the process whose job it is."""
        return await self.wishes.steer(id, key, change)

    async def steered(self, id: str, key: str, request: ImageRequest) -> bool:
        """Write down that the change was made, and what the job paints now."""
        return await self.wishes.steered(id, key, request)

    async def rendered(self, id: str, done: Done) -> bool:
        """queued or running -> rendered; the picture, or the time-lapse, is on disk before."""
        if not await self._is_mine(id):
            return False
        name = time_lapse_name(id) if done.video else picture_name(id)
        data = done.video or done.picture
        await self.pictures.write(name, data)
        result = {
            field.name: getattr(done, field.name)
            for field in dataclasses.fields(done)
            if field.name not in ("picture", "video", "losses")
        }
        losses = None if done.losses is None else json.dumps(dataclasses.asdict(done.losses))
        ended = await self._end(
            id,
            "rendered",
            "result = ?, losses = ?, picture = ?, result_sha256 = ?",
            json.dumps(result),
            losses,
            None if done.video else _file(name),
            await _sha256(data),
        )
        if ended:
            self.states.saved(id, last=True)
            await self._thin_out_states()
        return ended

    async def _thin_out_states(self) -> None:
        """Keep the states of finished jobs within STATES_BYTES."""
        rows = await self._database.fetch(f"SELECT id FROM jobs WHERE {in_states(UNFINISHED)}")  # noqa: S608  constants
        await asyncio.to_thread(
            self.files.thin_out_states, [row["id"] for row in rows], STATES_BYTES
        )

    async def failed(self, id: str, reason: str) -> bool:
        """queued or running -> failed."""
        return await self._end(id, "failed", "error = ?", reason)

    async def cancelled(self, id: str, partial: bytes | None) -> bool:
        """queued or running -> cancelled; ``partial`` is kept as the job's picture."""
        if partial is None:
            return await self._end(id, "cancelled", "picture = NULL")
        if not await self._is_mine(id):
            return False
        name = picture_name(id)
        await self.pictures.write(name, partial)
        return await self._end(
            id, "cancelled", "picture = ?, result_sha256 = ?", _file(name), await _sha256(partial)
        )

    # What the bot has told people.

    async def set_progress_message(
        self, id: str, message_id: str, direct_channel_id: str | None = None
    ) -> bool:
        """The message that shows the job's progress, in its channel or in direct messages."""
        async with self._database.transaction() as transaction:
            if not await transaction.change(
                "UPDATE jobs SET progress_message_id = ? WHERE id = ?", message_id, id
            ):
                return False
            await add_message(transaction, id, message_id, "progress", direct_channel_id)
        return True

    async def set_result_message(
        self, id: str, message_id: str, direct_channel_id: str | None = None
    ) -> bool:
        """rendered -> delivered, with the message that shows the picture, and where it is.

        A failed job stays failed, with the message that says why. A second call changes nothing.
        """
        async with self._database.transaction() as transaction:
            delivered = await self._leases.mark_told(
                transaction,
                id,
                ("rendered",),
                "result_message_id = ?, state = 'delivered'",
                message_id,
            )
            if not delivered and not await self._leases.mark_told(
                transaction, id, ("failed",), "result_message_id = ?", message_id
            ):
                return False
            await add_message(transaction, id, message_id, "result", direct_channel_id)
            rows = await transaction.fetch("SELECT time_lapse_of FROM jobs WHERE id = ?", id)
        if delivered:
            # Discord has the time-lapse now; a picture stays for edits and the history.
            if rows[0]["time_lapse_of"] is not None:
                await self.pictures.remove(time_lapse_name(id))
            for watcher in self.watchers:
                watcher(id)
        return True

    async def set_told(self, id: str) -> bool:
        """The end of a cancelled job was told; it has no result message. Idempotent as above."""
        async with self._database.transaction() as transaction:
            return await self._leases.mark_told(transaction, id, ("cancelled",), "state = state")

    async def undelivered(self) -> list[StoredJob]:
        """Finished jobs whose end was not told yet, without those of other stores; oldest first."""
        await self._leases.take_over()
        return await self._untold()

    async def _untold(self) -> list[StoredJob]:
        return await self._select(
            "owner = ? AND delivered_at IS NULL AND state IN ('rendered', 'failed', 'cancelled') "
            "ORDER BY sequence",
            self._owner.name,
        )

    async def _end(self, id: str, to: State, also: str, *values: object) -> bool:
        ended = await self._leases.move(
            id, to, UNFINISHED, f"{also}, ended_at = ?", *values, now_ms()
        )
        if ended and self.shared is not None:
            await self.shared.ended()
        if ended and to != "rendered":  # a rendered picture can be continued
            await self.states.forget(id)
        return ended

    async def _is_mine(self, id: str) -> bool:
        """Whether this store owns the job and may finish it."""
        mine = await self._leases.holds(id, UNFINISHED)
        if mine is None:  # deleted while the worker continued to save its state
            with contextlib.suppress(StoreError):  # not an id of ours
                await self.states.forget(id)
        return bool(mine)


def _file(name: str) -> str:
    """The name of the picture's file, without the folder; that it is set says that there is one."""
    return name.rpartition("/")[2]


async def _sha256(data: bytes) -> str:
    """In a thread: an edited photograph has 20 MB."""
    return await asyncio.to_thread(lambda: hashlib.sha256(data).hexdigest())
