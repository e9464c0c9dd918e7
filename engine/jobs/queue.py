"""The asyncio queue: order, positions, times left, stopping and cancelling; it loses no job.

Nothing here loads torch: workers paint (engine.jobs.workers), each on a device of its own, and a
store keeps what must survive a restart (engine.jobs.job.JobStore; data.store.Store is one).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import secrets
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from engine.clock import now_ms
from engine.errors import EngineError, RequestError
from engine.events import Cancelled, Ending, Failed
from engine.jobs.describing import describe
from engine.jobs.dispatcher import CLOSE_SECONDS, Dispatcher
from engine.jobs.eta import EtaEstimator
from engine.jobs.exchange import Exchange
from engine.jobs.job import USUAL_SHARE, Interrupt, Job, JobRecord, JobStore, Place
from engine.jobs.line import Line
from engine.jobs.local import local_workers
from engine.jobs.painter import Painter
from engine.jobs.places import Places
from engine.jobs.placing import Placing
from engine.jobs.round_robin import in_turn
from engine.jobs.shared import SharedQueue
from engine.jobs.shared_line import SharedLine
from engine.jobs.workers import DeviceWorker, WorkerSupply
from engine.request.defaults import DEFAULT_MODEL
from engine.request.grid import with_seed
from engine.request.request import ImageRequest
from engine.translatable import Translatable
from engine.worker.messages import Described, WorkerSettings
from engine.worker.status import WorkerStatus

log = logging.getLogger("engine.queue")

__all__ = ["Job", "JobRecord", "JobStore", "PaintQueue", "Place"]

_VIDEO_SECONDS = 2.0  # of a time-lapse from recorded frames
_CLOSING = Translatable("The bot is restarting; try again in a minute.")
_DRAINING = Translatable("The bot takes no new pictures before maintenance; try again later.")


class PaintQueue:
    """Takes jobs and has them painted, taking turns between people.

    ``device`` names one or several devices of this machine (engine.jobs.devices), each of which
    gets a worker; with None all workers come from ``supply``, or by :meth:`add_worker`.
    ``preload``, ``precision``, ``threads``, ``preview_every``, ``save_every``, ``preview_side``,
    ``check_memory``, ``cuda_graphs`` and ``triton_kernels`` are the workers'
    (engine.worker.messages.WorkerSettings).
    ``batch`` is how many jobs of one kind each device paints at once, None as many as are worth it
    on a GPU.
    A worker is considered stuck and replaced after ``silence`` seconds without a message, or much
    sooner while it paints (see engine.worker.timeouts). ``in_process`` runs the worker's code in a
    thread of this process, for tests of the bot. Without ``record_frames`` a time-lapse paints its
    picture again. With ``shared``, several processes on one store paint each other's jobs, in one
    order of people (engine.jobs.shared)::

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
        device: str | None = "auto",
        precision: str = "auto",
        threads: int | None = None,
        preview_every: float = 2.0,
        save_every: float = 5.0,
        preview_side: int = 512,
        check_memory: bool = True,
        cuda_graphs: bool = True,
        triton_kernels: bool = True,
        batch: int | None = 1,
        silence: float = 900.0,
        in_process: bool = False,
        record_frames: bool = True,
        supply: WorkerSupply | None = None,
        shared: SharedQueue | None = None,
    ) -> None:
        self.store = store
        self.estimator = EtaEstimator()
        self.draining = False  # refuses new jobs, while it finishes those it has
        # Called with each job whose state changed; they must not raise.
        self.watchers: list[Callable[[Job], None]] = []
        self.worker_settings = WorkerSettings(
            precision=precision,
            threads=threads,
            preload=preload,
            preview_every=preview_every,
            save_every=save_every,
            preview_side=preview_side,
            check_memory=check_memory,
            cuda_graphs=cuda_graphs,
            triton_kernels=triton_kernels,
            slots=batch,
        )
        self._device = device
        self._silence = silence
        self._in_process = in_process
        self._record_frames = record_frames
        self._supply = supply
        self._jobs: dict[str, Job] = {}
        self._resumed: list[Job] = []
        self._closing = False
        self._placing = Placing(self.estimator)
        self.exchange = Exchange(shared, self._jobs)
        self._line = (
            Line(self.estimator)
            if shared is None
            else SharedLine(self.estimator, shared, self._is_open, self.exchange.lose)
        )
        self.exchange.line = self._line
        self._places = Places(self._line, self._placing, self.estimator)
        self._painter = Painter(
            store, self.estimator, self._places.maybe_refresh, record_frames=record_frames
        )
        self._dispatcher = Dispatcher(
            store,
            self._line,
            self._placing,
            self._painter,
            self.exchange,
            self._started,
            self._ended,
            self._places.refresh,
        )

    @property
    def concepts_of(self) -> Callable[[Job], Awaitable[Sequence[str]]] | None:
        """The concepts that a job's finished picture is scored for; may raise EngineError."""
        return self._painter.concepts_of

    @concepts_of.setter
    def concepts_of(self, value: Callable[[Job], Awaitable[Sequence[str]]] | None) -> None:
        self._painter.concepts_of = value

    # Starting and closing.

    async def start(self) -> None:
        """Take over the store's unfinished jobs, start the workers, and start painting.

        Raises EngineError if the setting of the devices is wrong or one of several is missing.
        """
        self.estimator.restore(await self.store.learnt())
        self._resumed = self._take_up(await self.store.waiting())
        if self._device is not None:
            for worker in await local_workers(
                self.worker_settings,
                self._device,
                silence=self._silence,
                in_process=self._in_process,
            ):
                await self.add_worker(worker)
        if isinstance(self._line, SharedLine):
            self._line.listen(self._dispatcher.wake)
        self._dispatcher.start()
        if self._supply is not None:
            await self._supply.start(self)

    async def add_worker(self, worker: DeviceWorker) -> None:
        """Start a worker, and give it jobs from now on."""
        await self._dispatcher.add_worker(worker)

    def remove_worker(self, worker: DeviceWorker) -> bool:
        """Give it no jobs any more; False, and nothing happens, if it has one."""
        return self._dispatcher.remove_worker(worker)

    def adopt(self, records: Sequence[JobRecord]) -> list[Job]:
        """Take over jobs of another process that died; the store gave them to this one.

        Returns them for the bot, which continues their delivery.
        """
        jobs = self._take_up(records)
        self._dispatcher.wake()
        return jobs

    def _take_up(self, records: Sequence[JobRecord]) -> list[Job]:
        jobs = []
        for record in in_turn(records):
            job = self._jobs[record.id] = Job(record, resumed=True)
            jobs.append(job)
            if record.recorded and self._record_frames:
                job.seconds_left = _VIDEO_SECONDS
            if record.started_at is not None:
                self._line.push_started(job)
            else:
                self._line.push(job)
        self._places.refresh()
        return jobs

    async def close(self) -> None:
        """Refuse new jobs, let the workers save, and end them within 5 s.

        The running jobs are queued again in the store, and all watchers' iterations end.
        """
        self._closing = True
        closing = [self._dispatcher.close()]
        if self._supply is not None:
            closing.append(self._supply.close(CLOSE_SECONDS))
        await asyncio.gather(*closing)
        for job in self._jobs.values():
            job.close()

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
        after: int | None = None,
        parent: str | None = None,
        share: int = USUAL_SHARE,
    ) -> Job:
        """Queue a job; it is on disk when this returns, with a random seed if it had none.

        ``pictures`` are the request's, by SHA-256, without those the store already has.
        ``continues`` is the id of a rendered job whose request differs only in its iterations:
        the new job starts from its last state. ``time_lapse_of`` is the id of a rendered job whose
        ``request`` this is: its time-lapse is made, from the frames that were recorded while it was
        painted, or else by painting it again. ``work`` is a request for the iterations that remain,
        for the estimated time. ``after`` is the number of the person's newest job when their limits
        were checked, ``parent`` the job from which they went on, ``share`` their share of the queue
        (see JobRecord for all three). Raises RequestError if a picture is missing, OvertakenError
        if there is a newer job, EngineError if the job cannot be stored or no jobs are accepted.
        """
        seconds = None if work is None else self.estimator.seconds(work)
        if await self._is_recorded(time_lapse_of):
            seconds = _VIDEO_SECONDS
        record = JobRecord(
            uuid.uuid4().hex,
            with_seed(request),
            person,
            place,
            now_ms(),
            continues=continues,
            time_lapse_of=time_lapse_of,
            after=after,
            parent=parent,
            seconds=self.estimator.seconds(request) if seconds is None else seconds,
            share=share,
        )
        (job,) = await self._submit([record], pictures or {}, seconds)
        return job

    async def submit_grid(
        self,
        requests: Sequence[ImageRequest],
        *,
        person: str,
        place: Place,
        pictures: Mapping[str, bytes] | None = None,
        after: int | None = None,
        parent: str | None = None,
        share: int = USUAL_SHARE,
    ) -> list[Job]:
        """Queue the pictures of one grid, each as a job: all of them or, if it raises, none.

        Otherwise like :meth:`submit`.
        """
        ids = [uuid.uuid4().hex for _ in requests]
        records = [
            JobRecord(
                id,
                with_seed(request),
                person,
                place,
                now_ms(),
                after=after,
                grid=ids[0],
                parent=parent,
                seconds=self.estimator.seconds(request),
                share=share,
            )
            for id, request in zip(ids, requests, strict=True)
        ]
        return await self._submit(records, pictures or {})

    async def _submit(
        self,
        records: Sequence[JobRecord],
        pictures: Mapping[str, bytes],
        seconds: float | None = None,
    ) -> list[Job]:
        self._check_open()
        if pictures:
            await asyncio.to_thread(_check_hashes, dict(pictures))
        await self.store.add_all(records, pictures)
        jobs = []
        for record in records:
            job = self._jobs[record.id] = Job(record)
            job.seconds_left = seconds
            self._line.push(job)
            self._tell_watchers(job)
            log.info("queued", extra={"job": job.id})
            jobs.append(job)
        self._line.look_again()
        await self._line.update()
        self._places.refresh()
        self._dispatcher.wake()
        return jobs

    async def _is_recorded(self, id: str | None) -> bool:
        """Whether a time-lapse of the picture ``id`` can be made without painting it again."""
        if id is None or not self._record_frames:
            return False
        return await asyncio.to_thread(self.store.frames_path(id).exists)

    async def describe_picture(
        self, request: ImageRequest, pictures: Mapping[str, bytes]
    ) -> Described:
        """Describe a picture at once, outside the line (engine.jobs.describing).

        Raises EngineError, also if no jobs are accepted.
        """
        self._check_open()
        return await describe(self._placing.workers, request, pictures)

    def _is_open(self) -> bool:
        return not (self._closing or self.draining)

    def _check_open(self) -> None:
        if self._closing:
            raise EngineError(_CLOSING)
        if self.draining:
            raise EngineError(_DRAINING)

    def _tell_watchers(self, job: Job) -> None:
        for watcher in self.watchers:
            watcher(job)

    async def stop(self, id: str) -> bool:
        """Finish a running job's picture as it is; False if no such job is running.

        A job of another process on the same store is stopped there.
        """
        return await self._interrupt(id, "stop")

    async def cancel(self, id: str) -> bool:
        """Cancel a job, at once if it waits, else within an iteration; False if it is over.

        A job of another process on the same store is cancelled there.
        """
        job = self._jobs.get(id)
        if job is None:
            return await self.store.ask_owner(id, "cancel")
        if not self._line.remove(job):
            return await self._interrupt(id, "cancel")
        mine = True
        try:
            mine = await self.store.cancelled(id, None) or not await self.exchange.is_elsewhere(job)
        finally:
            if mine:
                self._ended(job, Cancelled(None))
        if not mine:
            self.exchange.lose(job)
            return await self.store.ask_owner(id, "cancel")
        return True

    async def _interrupt(self, id: str, interrupt: Interrupt) -> bool:
        job = self._jobs.get(id)
        if job is None:
            return await self.store.ask_owner(id, interrupt)
        if job.interrupt == "cancel":
            return False
        # A job whose worker died may wait for the next one in state "running".
        if job not in self._placing.running and job.state != "running":
            return False
        job.interrupt = interrupt
        await self.store.interrupted(id, interrupt)
        self._dispatcher.interrupt(job)
        return True

    async def steer(self, id: str, change: Mapping[str, Any]) -> bool:
        """Change a running job within an iteration; False if no such job is running.

        ``change`` is a field of engine.request.steering.Steer and its value, in the form that is
        stored. It is on disk when this returns. A job of another process on the same store is
        changed there.
        """
        key, text = secrets.token_hex(8), json.dumps(change)
        if not await self.store.steer(id, key, text):
            return False
        self.take_steering(id, {key: text})
        return True

    def take_steering(self, id: str, steering: Mapping[str, str]) -> None:
        """Make changes that were stored, perhaps by another process; JSON by their keys.

        A change that the job was given before is not made twice.
        """
        job = self._jobs.get(id)
        if job is not None:
            new = {key: change for key, change in steering.items() if key not in job.steered}
            job.steering |= new
            self._dispatcher.steer(job)

    def get(self, id: str) -> Job | None:
        """The job, while it waits or is being painted."""
        return self._jobs.get(id)

    def overview(self) -> list[Job]:
        """The running jobs, then the waiting ones in the order in which they will run.

        Without those of other processes.
        """
        return self._places.mine()

    def positions(self) -> list[tuple[int, Job]]:
        """All processes' jobs, each with 1 plus the number that must end before it starts.

        See :class:`engine.jobs.places.Places`.
        """
        return self._places.positions()

    def position(self, id: str) -> int | None:
        """The job's position as in :meth:`positions`; None if it is over."""
        return next((position for position, job in self.positions() if job.id == id), None)

    def resumed(self) -> list[Job]:
        """The jobs taken over from the store at the start, whose delivery the bot continues."""
        return list(self._resumed)

    # For the host.

    @property
    def serving(self) -> bool:
        """Whether jobs are taken from the queue and painted."""
        return self._dispatcher.serving

    @property
    def idle(self) -> bool:
        """Whether no job waits or runs."""
        return not self.overview()

    def capacity(self) -> tuple[int, int]:
        """How many devices this process has, and how many jobs they paint at once."""
        return self._placing.devices, self._placing.slots

    def workers(self) -> list[WorkerStatus]:
        """The status of each worker. Reads /proc, which does not block on a disk."""
        models = {
            worker: job.request.networks for job, worker in reversed(self._placing.running.items())
        }
        return [worker.status(models.get(worker)) for worker in self._placing.workers]

    # In the background.

    def _started(self, job: Job) -> None:
        self._tell_watchers(job)
        self._places.refresh()

    def _ended(self, job: Job, ending: Ending) -> None:
        job.state = (
            "failed"
            if isinstance(ending, Failed)
            else "cancelled"
            if isinstance(ending, Cancelled)
            else "rendered"
        )
        self._jobs.pop(job.id, None)
        why = f": {ending.reason}" if isinstance(ending, Failed) else ""
        log.info("%s%s", job.state, why, extra={"job": job.id})
        job.publish(ending)
        self._tell_watchers(job)
        self._places.refresh()


def _check_hashes(pictures: Mapping[str, bytes]) -> None:
    for name, data in pictures.items():
        if hashlib.sha256(data).hexdigest() != name:
            raise RequestError("A picture arrived incomplete; attach it again.")
