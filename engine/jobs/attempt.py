"""One attempt at one job by one worker."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import replace

from engine.events import Done, Ending, Progress
from engine.jobs.effort import Effort
from engine.jobs.eta import EtaEstimator
from engine.jobs.job import Job
from engine.jobs.workers import (
    DeviceWorker,
    Order,
    WorkerDiedError,
    pass_on_interrupt,
    pass_on_steering,
)
from engine.worker.messages import AboutJob, JobEvent, Saved, Started, Steered


class Attempt:
    """Gives the job to ``worker`` and publishes the events that come back.

    ``on_progress`` is called after each of them, ``on_steered`` with each change of the job, and
    ``on_saved`` with the job's id when its state was saved.
    """

    def __init__(
        self,
        job: Job,
        worker: DeviceWorker,
        estimator: EtaEstimator,
        on_progress: Callable[[], None],
        on_steered: Callable[[Job, Steered], Awaitable[None]],
        on_saved: Callable[[str], None] = lambda id: None,
    ) -> None:
        self._job = job
        self._worker = worker
        self._estimator = estimator
        self._on_progress = on_progress
        self._on_steered = on_steered
        self._on_saved = on_saved
        self._effort: Effort | None = None

    async def run(self, order: Order) -> Ending:
        """The ending of the job that ``order`` is about; raises WorkerDiedError before one."""
        job = self._job
        await self._worker.submit(order, job.setbacks.hangs)
        async with contextlib.aclosing(self._worker.events(job.id)) as messages:
            if job.interrupt is not None:  # asked for before the worker had the job
                pass_on_interrupt(self._worker, job)
            pass_on_steering(self._worker, job)
            async for message in messages:
                if isinstance(message, Steered):
                    await self._on_steered(job, message)
                    continue
                ending = self._take(message)
                if ending is not None:
                    return ending
        raise WorkerDiedError

    def _take(self, message: AboutJob) -> Ending | None:
        match message:
            case Started():
                self._effort = Effort(
                    self._job.request.networks, message.width, message.height, message.cutouts
                )
                if self._job.time_lapse_of is None:  # one may end where its picture was stopped
                    self._estimator.learn_size(self._job.request, self._effort, message.iterations)
            case Saved():
                self._job.saved_iteration = message.iteration
                self._on_saved(self._job.id)
            case JobEvent():
                return self._take_event(message.event)
        return None

    def _take_event(self, event: Progress | Ending) -> Ending | None:
        job = self._job
        if not isinstance(event, Progress):
            if isinstance(event, Done):
                self._learn_speed(event)
            return event
        if event.eta is None:  # nothing was stepped yet
            event = replace(event, eta=job.seconds_left)
        job.seconds_left = event.eta
        job.publish(event)
        self._on_progress()
        return None

    def _learn_speed(self, done: Done) -> None:
        if self._effort is not None and done.iterations > 0:
            self._estimator.learn_speed(self._effort, done.seconds / done.iterations)
