"""One attempt at one job by one worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from engine.events import Done, Ending, Progress
from engine.jobs.eta import Effort, EtaEstimator
from engine.jobs.job import Job
from engine.worker.messages import (
    AboutJob,
    Cancel,
    JobEvent,
    Paint,
    RenderTimeLapse,
    Saved,
    Started,
    Stop,
)
from engine.worker.process import Worker
from engine.worker.timeouts import SilenceTimeout
from engine.worker.watchdog import next_message


class Attempt:
    """Sends the job to ``worker`` and publishes the events that come back.

    ``on_progress`` is called after each of them. Afterwards ``hung`` is whether the worker was
    killed because it was silent for longer than ``timeout``, and ``lost_device`` whether it ended
    because its device was lost.
    """

    def __init__(
        self,
        job: Job,
        worker: Worker,
        estimator: EtaEstimator,
        timeout: SilenceTimeout,
        on_progress: Callable[[], None],
    ) -> None:
        self._job = job
        self._worker = worker
        self._estimator = estimator
        self._timeout = timeout
        self._on_progress = on_progress
        self.hung = self.lost_device = False
        self._effort: Effort | None = None

    async def run(
        self,
        pictures: Mapping[str, bytes],
        state: str,
        concepts: tuple[str, ...] = (),
        time_lapse: int | None = None,
        frames: str = "",
    ) -> Ending | None:
        """The job's ending; None if the worker died first.

        ``time_lapse`` is the number of iterations to show, if the job makes a time-lapse.
        ``frames`` is the file of frames to record, or to make the time-lapse from; "" for none.
        """
        job = self._job
        inbox = self._worker.open(job.id)
        try:
            request = job.request.model_dump_json()
            self._worker.send(
                Paint(job.id, request, pictures, state, concepts, frames)
                if time_lapse is None
                else RenderTimeLapse(job.id, request, pictures, time_lapse, concepts, frames)
            )
            if job.interrupt is not None:
                self._worker.send(Stop(job.id) if job.interrupt == "stop" else Cancel(job.id))
            while (
                message := await next_message(self._worker, inbox, self._timeout, job.id)
            ) is not None:
                ending = self._take(message)
                if ending is not None:
                    return ending
            self.hung, self.lost_device = self._worker.hung, self._worker.lost_device
            return None
        finally:
            self._worker.close_inbox(job.id)

    def _take(self, message: AboutJob) -> Ending | None:
        match message:
            case Started():
                self._effort = Effort(
                    self._job.request.model, message.width, message.height, message.cutouts
                )
                if self._job.time_lapse_of is None:  # one may end where its picture was stopped
                    self._estimator.learn_size(self._job.request, self._effort, message.iterations)
            case Saved():
                self._job.saved_iteration = message.iteration
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
