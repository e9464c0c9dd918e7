"""The asyncio queue: order, fairness, position, time left, stop, cancel, and no job lost.

Nothing here loads torch: painting is done by a worker process (engine.worker.main), and what is to
survive is written down by a store (engine.jobs.job.JobStore; data.store.Store is one).
"""

from __future__ import annotations

import asyncio
import contextlib
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
from engine.jobs.attempt import Attempt, died_twice, hung_again_and_again, unforeseen
from engine.jobs.eta import Pace
from engine.jobs.job import Job, JobRecord, JobStore, Place
from engine.jobs.round_robin import RoundRobin, in_turn
from engine.jobs.time_lapses import Films
from engine.request.defaults import DEFAULT_MODEL
from engine.request.limits import MAX_SEED
from engine.request.request import ImageRequest
from engine.tasks import spawn
from engine.translatable import Translatable
from engine.worker.messages import Cancel, Stop, WorkerSettings
from engine.worker.process import InProcessWorker, ProcessWorker, Worker
from engine.worker.status import WorkerStatus, status
from engine.worker.timeouts import Patience

log = logging.getLogger("engine.queue")

__all__ = ["Job", "JobRecord", "JobStore", "PaintQueue", "Place"]

_CLOSE_SECONDS = 4.0
_REFRESH_SECONDS = 5.0
_HANGS = 4  # of workers over one job that got nowhere in between
_CLOSING = Translatable("The bot is being restarted; ask again in a minute.")
_DRAINING = Translatable("The bot is about to be maintained and takes nothing new; ask again "
                         "later.")
_GONE = Translatable("The job is not here any more; ask for the picture again.")


class PaintQueue:
    """Jobs in, pictures out, one at a time, everyone in turn.

    ``preload`` names the model to load at once, ``device`` and ``threads`` are the worker's
    (see engine.worker.messages.WorkerSettings, which has the ranges and units of the others).
    A worker that says nothing for ``silence`` seconds, or while it paints for many times its
    own median iteration (see engine.worker.timeouts), is taken for hung and replaced.
    ``in_process`` runs the worker's code in a thread here, for tests of the bot::

        queue = PaintQueue(store)
        await queue.start()
        job = await queue.submit(request, person="1", place=Place(None, "2"))
        async for event in job:
            ...
        await queue.close()
    """

    def __init__(self, store: JobStore, *, preload: str | None = DEFAULT_MODEL,
                 device: str = "auto", threads: int | None = None, preview_every: float = 2.0,
                 save_every: float = 5.0, preview_side: int = 512, silence: float = 900.0,
                 in_process: bool = False) -> None:
        self.store = store
        self.pace = Pace()
        self.draining = False  # takes nothing new; what it has is painted
        self.watchers: list[Callable[[Job], None]] = []  # told of each new state; never raise
        # What the finished picture of a job is to be scored for; may raise EngineError.
        self.concepts_of: Callable[[Job], Awaitable[Sequence[str]]] | None = None
        self._settings = WorkerSettings(device, threads, preload, preview_every, save_every,
                                        preview_side)
        self._silence = silence
        self._in_process = in_process
        self._waiting: RoundRobin[Job] = RoundRobin()
        self._ahead: deque[Job] = deque()  # begun before a restart
        self._running: list[Job] = []
        self._jobs: dict[str, Job] = {}
        self._films = Films(store, self._worker_up, silence)
        self._resumed: list[Job] = []
        self._worker: ProcessWorker | InProcessWorker | None = None
        self._starts = 0
        self._starting = asyncio.Lock()
        self._wake = asyncio.Event()
        self._serving: asyncio.Task[None] | None = None
        self._closing = False
        self._refreshed = 0.0

    # What the bot's process does first and last.

    async def start(self) -> None:
        """Take over what the store has, start the worker, and begin."""
        for record in in_turn(await self.store.waiting()):
            job = self._jobs[record.id] = Job(record, resumed=True)
            self._resumed.append(job)
            if record.started_at is not None:
                self._ahead.append(job)
            else:
                self._waiting.push(job.person, job)
        self._refresh()
        await self._worker_up()
        self._serve()

    async def close(self) -> None:
        """Stop taking work, let the worker save and end, within 5 s.

        The running job goes back to the queue in the store; watchers' iterations end.
        """
        self._closing = True
        self._films.cancel()
        async with self._starting:
            if self._worker is not None:
                await self._worker.close(_CLOSE_SECONDS)
        self._wake.set()
        if self._serving is not None:
            await asyncio.wait([self._serving])
        for job in self._jobs.values():
            job.close()

    def _serve(self) -> None:
        self._serving = spawn(self._work(), "queue")
        self._serving.add_done_callback(self._served)

    def _served(self, task: asyncio.Task[None]) -> None:
        """A fault of the queue's own ends one job, not the queue."""
        error = None if task.cancelled() else task.exception()
        if error is None or self._closing:
            return
        reference = uuid.uuid4().hex[:8]
        log.error("reference %s", reference, exc_info=error)
        for job in list(self._running):
            ending = unforeseen(reference)
            spawn(self._give_up(job, ending), f"give up {job.id}")
            self._end(job, ending)
        self._serve()

    async def _give_up(self, job: Job, ending: Failed) -> None:
        with contextlib.suppress(EngineError):
            await self.store.failed(job.id, ending.reason)

    # What people ask for.

    async def submit(self, request: ImageRequest, *, person: str, place: Place,
                     pictures: Mapping[str, bytes] | None = None, continues: str | None = None,
                     work: ImageRequest | None = None) -> Job:
        """Queue a job, on disk when this returns, a seed chosen where there was none.

        ``pictures`` are the request's, by SHA-256; one that the store has already may be left
        out. ``continues`` names a rendered job with the same request but for the numbers of
        iterations: the new one begins with its last state, and ``work`` is what is left of it,
        for the time it will take. Raises RequestError for a request that cannot be painted,
        EngineError where it cannot be written down.
        """
        self._check_open()
        if request.seed is None:
            request = request.with_values(seed=secrets.randbelow(MAX_SEED + 1))
        pictures = dict(pictures or {})
        if pictures:
            await asyncio.to_thread(_check_hashes, pictures)
        record = JobRecord(uuid.uuid4().hex, request, person, place, now_ms(),
                           continues=continues)
        await self.store.add(record, pictures)
        job = self._jobs[record.id] = Job(record)
        if work is not None:
            job.left = self.pace.seconds(work)
        self._waiting.push(person, job)
        self._tell_watchers(job)
        self._refresh()
        self._wake.set()
        log.info("queued", extra={"job": job.id})
        return job

    def _check_open(self) -> None:
        if self._closing:
            raise EngineError(_CLOSING)
        if self.draining:
            raise EngineError(_DRAINING)

    def _tell_watchers(self, job: Job) -> None:
        for watcher in self.watchers:
            watcher(job)

    async def stop(self, id: str) -> bool:
        """Render a running job as it is; False where there is none."""
        return await self._wish(id, Stop(id))

    async def cancel(self, id: str) -> bool:
        """Give a job up: at once where it waits, else within an iteration; False if over."""
        job = self._jobs.get(id)
        if job is None:
            return False
        if job in self._ahead:
            self._ahead.remove(job)
        elif not self._waiting.remove(job.person, job):
            return await self._wish(id, Cancel(id))
        try:
            await self.store.cancelled(id, None)
        finally:
            self._end(job, Cancelled(None))
        return True

    async def _wish(self, id: str, message: Stop | Cancel) -> bool:
        job = self._jobs.get(id)
        if job is None or job not in self._running or job.wish == "cancel":
            return False
        job.wish = "stop" if isinstance(message, Stop) else "cancel"
        await self.store.wished(id, job.wish)
        if self._worker is not None:
            self._worker.send(message)
        return True

    def get(self, id: str) -> Job | None:
        """The job, while it waits or is being painted."""
        return self._jobs.get(id)

    def overview(self) -> list[Job]:
        """What is running, then what waits, in the order it will be served."""
        return [*self._running, *self._ahead, *self._waiting]

    def position(self, id: str) -> int | None:
        """The job's place in :meth:`overview`, from 1."""
        return next((i for i, job in enumerate(self.overview(), 1) if job.id == id), None)

    def resumed(self) -> list[Job]:
        """The jobs taken over from the store at the start, for the bot to go on delivering."""
        return list(self._resumed)

    async def video(self, job_id: str) -> bytes:
        """The time-lapse of a rendered job: an mp4 file's bytes.

        It is painted again from the stored request and seed, in turns with the pictures, which
        come first. Raises RequestError where there is no such picture.
        """
        self._check_open()
        return await self._films.make(job_id)

    # What the host asks.

    @property
    def serving(self) -> bool:
        """Whether jobs are taken from the queue and painted."""
        return self._serving is not None and not self._serving.done() and not self._closing

    @property
    def idle(self) -> bool:
        """Whether nothing waits, is painted or filmed."""
        return not self.overview() and not self._films.busy

    def workers(self) -> list[WorkerStatus]:
        """The workers, as they are now. Reads /proc, which does not wait for a disk."""
        model = self._running[0].request.model if self._running else self._settings.preload
        return [status(self._worker, model, self._starts)]

    # What goes on meanwhile.

    async def _work(self) -> None:
        while not self._closing:
            job = self._ahead.popleft() if self._ahead else self._waiting.pop()
            if job is None:
                self._wake.clear()
                await self._wake.wait()
                continue
            self._running.append(job)
            await self._paint(job)

    async def _paint(self, job: Job) -> None:
        try:
            if job.wish == "cancel":  # before the restart
                await self.store.cancelled(job.id, None)
                self._end(job, Cancelled(None))
                return
            if not await self.store.started(job.id):
                log.warning("another process has it", extra={"job": job.id})
                self._end(job, Failed(_GONE))
                return
            job.state = "running"
            self._tell_watchers(job)
            self._refresh()
            ending = await self._outcome(job)
            if ending is None:
                await self.store.requeued(job.id)
                self._running.remove(job)
                return
            if not await self._write_down(job, ending):
                log.warning("ended, but not this process's any more", extra={"job": job.id})
                ending = Failed(_GONE)
        except (EngineError, OSError) as error:
            reference = uuid.uuid4().hex[:8]
            log.error("reference %s: %s", reference, error, extra={"job": job.id})
            ending = unforeseen(reference)
            await self._give_up(job, ending)
        self._end(job, ending)

    async def _write_down(self, job: Job, ending: Ending) -> bool:
        if isinstance(ending, Failed):
            return await self.store.failed(job.id, ending.reason)
        if isinstance(ending, Cancelled):
            return await self.store.cancelled(job.id, ending.partial)
        return await self.store.rendered(job.id, ending)

    async def _outcome(self, job: Job) -> Ending | None:
        """How the job ended, over as many workers as it takes; None where the queue closes."""
        pictures = await self.store.attachments(job.id)
        concepts = tuple(await self.concepts_of(job)) if self.concepts_of is not None else ()
        deaths, hangs, saved = 0, 0, job.saved_iteration
        while not self._closing:
            worker = await self._worker_up()
            attempt = Attempt(job, worker, self.pace, Patience(self._silence, hangs),
                              self._maybe_refresh)
            ending = await attempt.run(pictures, str(self.store.state_path(job.id)), concepts)
            if ending is not None:
                return ending
            if job.wish == "cancel":
                return Cancelled(None)
            if job.saved_iteration > saved:
                deaths = hangs = 0
            saved = job.saved_iteration
            hangs, deaths = hangs + attempt.hung, deaths + (not attempt.hung)
            if deaths == 2 and not self._closing:
                return died_twice()
            if hangs == _HANGS and not self._closing:
                return hung_again_and_again()
        return None

    async def _worker_up(self) -> Worker:
        async with self._starting:
            if self._worker is None or not (self._worker.alive or self._closing):
                kind = InProcessWorker if self._in_process else ProcessWorker
                self._worker = kind(self._settings)
                self._starts += 1
                await self._worker.start()
            return self._worker

    def _end(self, job: Job, ending: Ending) -> None:
        job.state = ("failed" if isinstance(ending, Failed) else
                     "cancelled" if isinstance(ending, Cancelled) else "rendered")
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
        """Tell all who wait where they are, if that has changed."""
        self._refreshed = time.monotonic()
        eta = 0.0
        for position, job in enumerate(self.overview(), 1):
            left = job.left if job.left is not None else self.pace.seconds(job.request)
            eta += left
            job.eta = eta
            if isinstance(job.latest, Progress):
                continue
            event = Queued(position, eta)
            if job.latest != event:
                job.publish(event)


def _check_hashes(pictures: Mapping[str, bytes]) -> None:
    for name, data in pictures.items():
        if hashlib.sha256(data).hexdigest() != name:
            raise RequestError("A picture did not arrive whole; attach it again.")
