"""Gives waiting jobs to workers, and brings each to its ending however many workers die."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from engine.errors import EngineError, UnavailableError
from engine.events import Cancelled, Ending, Failed
from engine.jobs.exchange import Exchange
from engine.jobs.job import Job, JobStore
from engine.jobs.line import Line
from engine.jobs.painter import Painter
from engine.jobs.placing import Placing
from engine.jobs.workers import (
    DeviceWorker,
    WorkerDiedError,
    pass_on_interrupt,
    pass_on_steering,
)
from engine.tasks import spawn
from engine.translatable import Translatable
from engine.worker.failures import unexpected_error

log = logging.getLogger("engine.queue")

CLOSE_SECONDS = 4.0
_GONE = Translatable("This job no longer exists; request the picture again.")


class Dispatcher:
    """Starts the jobs of ``line`` in their order, as soon as ``placing`` has a worker for them.

    ``on_start`` is called with each job that starts, ``on_end`` with each that has an ending,
    which is stored by then; ``on_look`` when the line knows more of other processes.
    """

    def __init__(
        self,
        store: JobStore,
        line: Line,
        placing: Placing,
        painter: Painter,
        exchange: Exchange,
        on_start: Callable[[Job], None],
        on_end: Callable[[Job, Ending], None],
        on_look: Callable[[], None],
    ) -> None:
        self._store = store
        self._line = line
        self._placing = placing
        self._painter = painter
        self._on_start = on_start
        self._on_end = on_end
        self._exchange = exchange
        self._on_look = on_look
        self._wake = asyncio.Event()
        self._serving: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False

    @property
    def serving(self) -> bool:
        """Whether jobs are taken from the line and painted."""
        return self._serving is not None and not self._serving.done() and not self._closing

    def start(self) -> None:
        """Start serving the line."""
        self._serving = spawn(self._serve(), "queue")
        self._serving.add_done_callback(self._serving_ended)

    async def add_worker(self, worker: DeviceWorker) -> None:
        """Start a worker, and give it jobs from now on."""
        self._placing.workers.append(worker)
        worker.watchers.append(self.wake)
        await worker.start()
        self.wake()

    def remove_worker(self, worker: DeviceWorker) -> bool:
        """Give it no jobs any more; False, and nothing happens, if it has one."""
        if worker in self._placing.running.values():
            return False
        self._placing.workers.remove(worker)
        worker.watchers.remove(self.wake)
        self.wake()
        return True

    def wake(self) -> None:
        """Look at the line again: a job was added, or a worker changed."""
        self._wake.set()

    def interrupt(self, job: Job) -> None:
        """Tell the worker that paints ``job`` of its interrupt; the next one learns it anyway."""
        worker = self._placing.running.get(job)
        if worker is not None:
            pass_on_interrupt(worker, job)

    def steer(self, job: Job) -> None:
        """Tell the worker that paints ``job`` how to change it; the next one learns it anyway."""
        worker = self._placing.running.get(job)
        if worker is not None:
            pass_on_steering(worker, job)

    async def close(self) -> None:
        """Let the workers save, and end them within 5 s; jobs in progress are queued again."""
        self._closing = True
        self._painter.close()
        await asyncio.gather(*(worker.close(CLOSE_SECONDS) for worker in self._placing.workers))
        self.wake()
        tasks = [*self._tasks, *filter(None, [self._serving])]
        if tasks:
            await asyncio.wait(tasks)
        for job in self._line.own():
            if job.state == "running":  # no device was free since its worker died
                with contextlib.suppress(EngineError):
                    await self._store.requeued(job.id)

    async def _serve(self) -> None:
        while not self._closing:
            self._wake.clear()
            if await self._line.update(soon=self._placing.has_room):
                self._on_look()
            self._start_jobs()
            waits = (self._placing.patience(), self._line.patience)
            until = min((each for each in waits if each is not None), default=None)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(until):
                    await self._wake.wait()

    def _start_jobs(self) -> None:
        """Start the next jobs in their order, while there are devices for them."""
        while (job := self._line.peek()) is not None:
            worker = self._placing.place(job)
            if worker is None:
                return
            self._line.pop()
            self._start_job(job, worker)
            for other in self._line.grid_of(job):
                worker = self._placing.place(other)
                if worker is None:
                    break
                self._line.take(other)
                self._start_job(other, worker)
        self._placing.nothing_waits()

    def _start_job(self, job: Job, worker: DeviceWorker) -> None:
        task = self._in_background(self._paint(job, worker), f"job {job.id}")
        task.add_done_callback(partial(self._painted, job))

    def _in_background(self, coroutine: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = spawn(coroutine, name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _serving_ended(self, task: asyncio.Task[None]) -> None:
        """Restart serving after an unexpected error, which fails only the job that was next."""
        error = None if task.cancelled() else task.exception()
        if error is None or self._closing:
            return
        job = self._line.pop()
        if job is not None:
            self._fail(job, error)
        self.start()

    def _painted(self, job: Job, task: asyncio.Task[None]) -> None:
        """Give the worker its next job; an unexpected error fails only this one."""
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._fail(job, error)
        self.wake()

    def _fail(self, job: Job, error: BaseException) -> None:
        reference, ending = unexpected_error()
        log.error("reference %s", reference, exc_info=error, extra={"job": job.id})
        self._in_background(self._painter.store_failure(job, ending), f"failure of {job.id}")
        self._end(job, ending)

    async def _paint(self, job: Job, worker: DeviceWorker) -> None:
        if job.elsewhere and not await self._take(job):
            return
        try:
            if job.interrupt == "cancel":  # requested before the restart
                await self._store.cancelled(job.id, None)
                self._end(job, Cancelled(None))
                return
            if job.state != "running":  # else it was, with a worker that died
                if not await self._store.started(job.id):
                    await self._gone(job)
                    return
                job.state = "running"
                self._on_start(job)
            ending = await self._attempt(job, worker)
            if ending is None:
                return
            if not await self._painter.store_ending(job, ending):
                await self._gone(job)
                return
        except UnavailableError:  # the queue closes; the job continues after the restart
            await self._requeue(job)
            return
        except (EngineError, OSError) as error:
            reference, failure = unexpected_error()
            log.error("reference %s: %s", reference, error, extra={"job": job.id})
            ending = failure
            await self._painter.store_failure(job, ending)
        self._end(job, ending)

    async def _take(self, job: Job) -> bool:
        """Make another process's job this one's; False if that is not possible."""
        try:
            if await self._exchange.take(job):
                return True
        except EngineError as error:
            log.error("a job of another process can't be taken: %s", error, extra={"job": job.id})
        self._placing.running.pop(job, None)
        self._line.look_again()
        return False

    async def _gone(self, job: Job) -> None:
        """End a job that this process cannot change any more."""
        if not await self._exchange.is_elsewhere(job):
            self._end(job, Failed(_GONE))
            return
        log.info("another process has this job", extra={"job": job.id})
        self._placing.running.pop(job, None)
        self._exchange.lose(job)

    async def _attempt(self, job: Job, worker: DeviceWorker) -> Ending | None:
        """The job's ending; None if it was queued again, as its worker died or was closed."""
        try:
            return await self._painter.paint(job, worker)
        except WorkerDiedError as death:
            ending = self._painter.after_death(job, death)
            if ending is not None and not (self._closing and isinstance(ending, Failed)):
                return ending
            if death.lost_device or death.out_of_memory:
                self._placing.avoid(job, worker)
        if self._closing:
            await self._store.requeued(job.id)
        self._placing.running.pop(job, None)
        if not self._closing:
            self._line.put_back(job)
        return None

    async def _requeue(self, job: Job) -> None:
        with contextlib.suppress(EngineError):
            await self._store.requeued(job.id)
        self._placing.running.pop(job, None)

    def _end(self, job: Job, ending: Ending) -> None:
        self._placing.running.pop(job, None)
        self._on_end(job, ending)
