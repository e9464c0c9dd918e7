"""The asyncio queue: order, positions, times left, stopping and cancelling; it loses no job.

Nothing here loads torch: a worker process paints (engine.worker.main), and a store keeps what must
survive a restart (engine.jobs.job.JobStore; data.store.Store is one).
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
import time
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence

from engine.clock import now_ms
from engine.errors import EngineError, RequestError
from engine.events import Cancelled, Ending, Failed, Progress, Queued
from engine.jobs.eta import EtaEstimator
from engine.jobs.job import Job, JobRecord, JobStore, Place
from engine.jobs.painter import Painter
from engine.jobs.round_robin import RoundRobin, in_turn
from engine.request.defaults import DEFAULT_MODEL
from engine.request.limits import MAX_SEED
from engine.request.request import ImageRequest
from engine.tasks import spawn
from engine.translatable import Translatable
from engine.worker.failures import unexpected_error
from engine.worker.messages import Cancel, Stop, WorkerSettings
from engine.worker.status import WorkerStatus

log = logging.getLogger("engine.queue")

__all__ = ["Job", "JobRecord", "JobStore", "PaintQueue", "Place"]

_VIDEO_SECONDS = 2.0  # of a time-lapse from recorded frames
_REFRESH_SECONDS = 5.0
_CLOSING = Translatable("The bot is restarting; try again in a minute.")
_DRAINING = Translatable("The bot takes no new pictures before maintenance; try again later.")
_GONE = Translatable("This job no longer exists; request the picture again.")


class PaintQueue:
    """Takes jobs and has them painted one at a time, taking turns between people.

    ``preload``, ``device``, ``precision``, ``threads``, ``preview_every``, ``save_every``,
    ``preview_side`` and ``check_memory`` are the worker's (engine.worker.messages.WorkerSettings).
    A worker is considered stuck and replaced after ``silence`` seconds without a message, or much
    sooner while it paints (see engine.worker.timeouts). ``in_process`` runs the worker's code in a
    thread of this process, for tests of the bot. Without ``record_frames`` a time-lapse paints its
    picture again::

        queue = PaintQueue(store)
        await queue.start()
        job = await queue.submit(request, person="1", place=Place(None, "2"))
        async for event in job:
            ...
        await queue.close()
    """

    def __init__(
        self,
        store: JobStore,
        *,
        preload: str | None = DEFAULT_MODEL,
        device: str = "auto",
        precision: str = "auto",
        threads: int | None = None,
        preview_every: float = 2.0,
        save_every: float = 5.0,
        preview_side: int = 512,
        check_memory: bool = True,
        silence: float = 900.0,
        in_process: bool = False,
        record_frames: bool = True,
    ) -> None:
        self.store = store
        self.estimator = EtaEstimator()
        self.draining = False  # refuses new jobs, while it finishes those it has
        # Called with each job whose state changed; they must not raise.
        self.watchers: list[Callable[[Job], None]] = []
        settings = WorkerSettings(
            device,
            precision,
            threads,
            preload,
            preview_every,
            save_every,
            preview_side,
            check_memory=check_memory,
        )
        self._painter = Painter(
            store,
            self.estimator,
            settings,
            self._maybe_refresh,
            silence=silence,
            in_process=in_process,
            record_frames=record_frames,
        )
        self._record_frames = record_frames
        self._waiting: RoundRobin[Job] = RoundRobin()
        self._restarted: deque[Job] = deque()  # started before a restart; they come first
        self._running: list[Job] = []
        self._jobs: dict[str, Job] = {}
        self._resumed: list[Job] = []
        self._wake = asyncio.Event()
        self._serving: asyncio.Task[None] | None = None
        self._closing = False
        self._refreshed = 0.0

    @property
    def concepts_of(self) -> Callable[[Job], Awaitable[Sequence[str]]] | None:
        """The concepts that a job's finished picture is scored for; may raise EngineError."""
        return self._painter.concepts_of

    @concepts_of.setter
    def concepts_of(self, value: Callable[[Job], Awaitable[Sequence[str]]] | None) -> None:
        self._painter.concepts_of = value

    # Starting and closing.

    async def start(self) -> None:
        """Take over the store's unfinished jobs, start the worker, and start painting."""
        self._resumed = self._take_up(await self.store.waiting())
        await self._painter.start()
        self._serve()

    def adopt(self, records: Sequence[JobRecord]) -> list[Job]:
        """Take over jobs of another process that died; the store gave them to this one.

        Returns them for the bot, which continues their delivery.
        """
        jobs = self._take_up(records)
        self._wake.set()
        return jobs

    def _take_up(self, records: Sequence[JobRecord]) -> list[Job]:
        jobs = []
        for record in in_turn(records):
            job = self._jobs[record.id] = Job(record, resumed=True)
            jobs.append(job)
            if record.recorded and self._record_frames:
                job.seconds_left = _VIDEO_SECONDS
            if record.started_at is not None:
                self._restarted.append(job)
            else:
                self._push(job)
        self._refresh()
        return jobs

    async def close(self) -> None:
        """Refuse new jobs, let the worker save, and end it within 5 s.

        The running job is queued again in the store, and all watchers' iterations end.
        """
        self._closing = True
        await self._painter.close()
        self._wake.set()
        if self._serving is not None:
            await asyncio.wait([self._serving])
        for job in self._jobs.values():
            job.close()

    def _serve(self) -> None:
        self._serving = spawn(self._work(), "queue")
        self._serving.add_done_callback(self._serving_ended)

    def _serving_ended(self, task: asyncio.Task[None]) -> None:
        """Restart serving after an unexpected error, which fails only the running job."""
        error = None if task.cancelled() else task.exception()
        if error is None or self._closing:
            return
        reference = uuid.uuid4().hex[:8]
        log.error("reference %s", reference, exc_info=error)
        for job in list(self._running):
            ending = unexpected_error(reference)
            spawn(self._painter.store_failure(job, ending), f"failure of {job.id}")
            self._end(job, ending)
        self._serve()

    # For people's requests.

    async def submit(
        self,
        request: ImageRequest,
        *,
        person: str,
        place: Place,
        pictures: Mapping[str, bytes] | None = None,
        continues: str | None = None,
        time_lapse_of: str | None = None,
        work: ImageRequest | None = None,
    ) -> Job:
        """Queue a job; it is on disk when this returns, with a random seed if it had none.

        ``pictures`` are the request's, by SHA-256, without those the store already has.
        ``continues`` is the id of a rendered job whose request differs only in its iterations:
        the new job starts from its last state. ``time_lapse_of`` is the id of a rendered job whose
        ``request`` this is: its time-lapse is made, from the frames that were recorded while it was
        painted, or else by painting it again. ``work`` is a request for the iterations that remain,
        for the estimated time. Raises RequestError if a picture is
        missing, EngineError if the job cannot be stored or no jobs are accepted.
        """
        self._check_open()
        if request.seed is None:
            request = request.with_values(seed=secrets.randbelow(MAX_SEED + 1))
        pictures = dict(pictures or {})
        if pictures:
            await asyncio.to_thread(_check_hashes, pictures)
        record = JobRecord(
            uuid.uuid4().hex,
            request,
            person,
            place,
            now_ms(),
            continues=continues,
            time_lapse_of=time_lapse_of,
        )
        await self.store.add(record, pictures)
        job = self._jobs[record.id] = Job(record)
        if await self._is_recorded(time_lapse_of):
            job.seconds_left = _VIDEO_SECONDS
        elif work is not None:
            job.seconds_left = self.estimator.seconds(work)
        self._push(job)
        self._tell_watchers(job)
        self._refresh()
        self._wake.set()
        log.info("queued", extra={"job": job.id})
        return job

    async def _is_recorded(self, id: str | None) -> bool:
        """Whether a time-lapse of the picture ``id`` can be made without painting it again."""
        if id is None or not self._record_frames:
            return False
        return await asyncio.to_thread(self.store.frames_path(id).exists)

    def _push(self, job: Job) -> None:
        left = job.seconds_left
        self._waiting.push(
            job.person, job, self.estimator.seconds(job.request) if left is None else left
        )

    def _check_open(self) -> None:
        if self._closing:
            raise EngineError(_CLOSING)
        if self.draining:
            raise EngineError(_DRAINING)

    def _tell_watchers(self, job: Job) -> None:
        for watcher in self.watchers:
            watcher(job)

    async def stop(self, id: str) -> bool:
        """Finish a running job's picture as it is; False if no such job is running."""
        return await self._interrupt(id, Stop(id))

    async def cancel(self, id: str) -> bool:
        """Cancel a job, at once if it waits, else within an iteration; False if it is over."""
        job = self._jobs.get(id)
        if job is None:
            return False
        if job in self._restarted:
            self._restarted.remove(job)
        elif not self._waiting.remove(job.person, job):
            return await self._interrupt(id, Cancel(id))
        try:
            await self.store.cancelled(id, None)
        finally:
            self._end(job, Cancelled(None))
        return True

    async def _interrupt(self, id: str, message: Stop | Cancel) -> bool:
        job = self._jobs.get(id)
        if job is None or job not in self._running or job.interrupt == "cancel":
            return False
        job.interrupt = "stop" if isinstance(message, Stop) else "cancel"
        await self.store.interrupted(id, job.interrupt)
        self._painter.send(message)
        return True

    def get(self, id: str) -> Job | None:
        """The job, while it waits or is being painted."""
        return self._jobs.get(id)

    def overview(self) -> list[Job]:
        """The running jobs, then the waiting ones in the order in which they will run."""
        return [*self._running, *self._restarted, *self._waiting]

    def position(self, id: str) -> int | None:
        """The job's place in :meth:`overview`, counted from 1; None if it is over."""
        return next((i for i, job in enumerate(self.overview(), 1) if job.id == id), None)

    def resumed(self) -> list[Job]:
        """The jobs taken over from the store at the start, whose delivery the bot continues."""
        return list(self._resumed)

    # For the host.

    @property
    def serving(self) -> bool:
        """Whether jobs are taken from the queue and painted."""
        return self._serving is not None and not self._serving.done() and not self._closing

    @property
    def idle(self) -> bool:
        """Whether no job waits or runs."""
        return not self.overview()

    def workers(self) -> list[WorkerStatus]:
        """The status of each worker. Reads /proc, which does not block on a disk."""
        return [self._painter.status(self._running[0].request.model if self._running else None)]

    # In the background.

    async def _work(self) -> None:
        while not self._closing:
            job = self._restarted.popleft() if self._restarted else self._waiting.pop()
            if job is None:
                self._wake.clear()
                await self._wake.wait()
                continue
            self._running.append(job)
            await self._paint(job)

    async def _paint(self, job: Job) -> None:
        try:
            if job.interrupt == "cancel":  # requested before the restart
                await self.store.cancelled(job.id, None)
                self._end(job, Cancelled(None))
                return
            if not await self.store.started(job.id):
                log.warning("another process owns this job", extra={"job": job.id})
                self._end(job, Failed(_GONE))
                return
            job.state = "running"
            self._tell_watchers(job)
            self._refresh()
            ending = await self._painter.paint(job)
            if ending is None:
                await self.store.requeued(job.id)
                self._running.remove(job)
                return
            if not await self._painter.store_ending(job, ending):
                log.warning("ended, but another process owns this job", extra={"job": job.id})
                ending = Failed(_GONE)
        except (EngineError, OSError) as error:
            reference = uuid.uuid4().hex[:8]
            log.error("reference %s: %s", reference, error, extra={"job": job.id})
            ending = unexpected_error(reference)
            await self._painter.store_failure(job, ending)
        self._end(job, ending)

    def _end(self, job: Job, ending: Ending) -> None:
        job.state = (
            "failed"
            if isinstance(ending, Failed)
            else "cancelled"
            if isinstance(ending, Cancelled)
            else "rendered"
        )
        self._jobs.pop(job.id, None)
        if job in self._running:
            self._running.remove(job)
        why = f": {ending.reason}" if isinstance(ending, Failed) else ""
        log.info("%s%s", job.state, why, extra={"job": job.id})
        job.publish(ending)
        self._tell_watchers(job)
        self._refresh()

    def _maybe_refresh(self) -> None:
        if time.monotonic() - self._refreshed >= _REFRESH_SECONDS:
            self._refresh()

    def _refresh(self) -> None:
        """Publish the position and time of each waiting job, if they have changed."""
        self._refreshed = time.monotonic()
        eta = 0.0
        for position, job in enumerate(self.overview(), 1):
            left = job.seconds_left
            eta += self.estimator.seconds(job.request) if left is None else left
            job.eta = eta
            if isinstance(job.latest, Progress):
                continue
            event = Queued(position, eta)
            if job.latest != event:
                job.publish(event)


def _check_hashes(pictures: Mapping[str, bytes]) -> None:
    for name, data in pictures.items():
        if hashlib.sha256(data).hexdigest() != name:
            raise RequestError("A picture arrived incomplete; attach it again.")
