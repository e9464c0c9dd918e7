"""Paints one job after the other with a worker, a new one whenever the last one died."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence

from engine.errors import EngineError
from engine.events import Cancelled, Ending, Failed
from engine.jobs.attempt import Attempt
from engine.jobs.eta import EtaEstimator
from engine.jobs.job import Job, JobStore
from engine.translatable import Translatable
from engine.worker.failures import died_twice, too_many_hangs
from engine.worker.messages import Cancel, Stop, WorkerSettings
from engine.worker.process import InProcessWorker, ProcessWorker, Worker
from engine.worker.status import WorkerStatus, status
from engine.worker.timeouts import SilenceTimeout

_CLOSE_SECONDS = 4.0
_MAX_DEATHS, _MAX_HANGS = 2, 4  # of workers, on one job without progress in between
_NO_PICTURE = Translatable("The picture of this time-lapse was deleted.")


class Painter:
    """Owns the worker, and gives it jobs until each has an ending.

    ``silence``, ``in_process`` and ``record_frames`` are those of PaintQueue. ``on_progress`` is
    called after each event of a job.
    """

    def __init__(
        self,
        store: JobStore,
        estimator: EtaEstimator,
        settings: WorkerSettings,
        on_progress: Callable[[], None],
        *,
        silence: float,
        in_process: bool,
        record_frames: bool,
    ) -> None:
        # The concepts that a job's finished picture is scored for; may raise EngineError.
        self.concepts_of: Callable[[Job], Awaitable[Sequence[str]]] | None = None
        self._store = store
        self._estimator = estimator
        self._settings = settings
        self._on_progress = on_progress
        self._silence = silence
        self._in_process = in_process
        self._record_frames = record_frames
        self._worker: ProcessWorker | InProcessWorker | None = None
        self._starts = 0
        self._starting = asyncio.Lock()
        self._closing = False

    async def start(self) -> None:
        """Start the worker."""
        await self._get_worker()

    async def close(self) -> None:
        """Let the worker save, and end it within 5 s; the job that it paints has no ending."""
        self._closing = True
        async with self._starting:
            if self._worker is not None:
                await self._worker.close(_CLOSE_SECONDS)

    def send(self, message: Stop | Cancel) -> None:
        """Send a message to the worker, if it was started."""
        if self._worker is not None:
            self._worker.send(message)

    def status(self, model: str | None) -> WorkerStatus:
        """The worker's status; ``model`` is the one it paints with, None if it paints nothing."""
        return status(self._worker, model or self._settings.preload, self._starts)

    async def paint(self, job: Job) -> Ending | None:
        """The job's ending, with a new worker for each that dies; None if this is closed."""
        pictures = await self._store.attachments(job.id)
        iterations = None
        if job.time_lapse_of is not None:
            rendition = await self._store.rendition(job.time_lapse_of)
            if rendition is None:
                return Failed(_NO_PICTURE)
            iterations = rendition[1]
        concepts = tuple(await self.concepts_of(job)) if self.concepts_of is not None else ()
        shown = job.time_lapse_of or job.id
        frames = str(self._store.frames_path(shown)) if self._record_frames else ""
        deaths, hangs, saved = 0, 0, job.saved_iteration
        while not self._closing:
            worker = await self._get_worker()
            attempt = Attempt(
                job,
                worker,
                self._estimator,
                SilenceTimeout(self._silence, hangs),
                self._on_progress,
            )
            ending = await attempt.run(
                pictures, str(self._store.state_path(job.id)), concepts, iterations, frames
            )
            if ending is not None:
                return ending
            if job.interrupt == "cancel":
                return Cancelled(None)
            if job.saved_iteration > saved:
                deaths = hangs = 0
            saved = job.saved_iteration
            hangs, deaths = hangs + attempt.hung, deaths + (not attempt.hung)
            if deaths == _MAX_DEATHS and not self._closing:
                return died_twice(lost_device=attempt.lost_device)
            if hangs == _MAX_HANGS and not self._closing:
                return too_many_hangs()
        return None

    async def _get_worker(self) -> Worker:
        async with self._starting:
            if self._worker is None or not (self._worker.alive or self._closing):
                kind = InProcessWorker if self._in_process else ProcessWorker
                self._worker = kind(self._settings)
                self._starts += 1
                await self._worker.start()
            return self._worker

    async def store_ending(self, job: Job, ending: Ending) -> bool:
        """Store how the job ended; False if another process owns it."""
        if isinstance(ending, Failed):
            return await self._store.failed(job.id, ending.reason)
        if isinstance(ending, Cancelled):
            return await self._store.cancelled(job.id, ending.partial)
        return await self._store.rendered(job.id, ending)

    async def store_failure(self, job: Job, ending: Failed) -> None:
        """Store a failure if that is possible."""
        with contextlib.suppress(EngineError):
            await self._store.failed(job.id, ending.reason)
