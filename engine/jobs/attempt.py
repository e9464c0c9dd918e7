"""One attempt at one job by one worker, as the queue sees it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from engine.events import Cancelled, Done, Ending, Failed, Progress
from engine.jobs.eta import Effort, Pace
from engine.jobs.job import Job
from engine.translatable import Translatable
from engine.worker.messages import (
    AboutJob,
    Began,
    Cancel,
    GivenUp,
    Paint,
    Painted,
    Refused,
    Saved,
    Stepped,
    Stop,
)
from engine.worker.process import Worker
from engine.worker.timeouts import Patience
from engine.worker.watchdog import hear


class Attempt:
    """Sends the job to ``worker`` and turns what it says into the job's events.

    ``told`` is called after each preview. Afterwards ``hung`` says whether the worker was ended
    because it said nothing for longer than ``patience``.
    """

    def __init__(self, job: Job, worker: Worker, pace: Pace, patience: Patience,
                 told: Callable[[], None]) -> None:
        self._job = job
        self._worker = worker
        self._pace = pace
        self._patience = patience
        self._told = told
        self.hung = False
        self._effort: Effort | None = None
        self._iterations = 0
        self._overlay = b""

    async def run(self, pictures: Mapping[str, bytes], state: str,
                  concepts: tuple[str, ...] = ()) -> Ending | None:
        """How it ended; None where the worker died first."""
        job = self._job
        inbox = self._worker.open(job.id)
        try:
            self._worker.send(Paint(job.id, job.request.model_dump_json(), pictures, state,
                                    concepts))
            if job.wish is not None:
                self._worker.send(Stop(job.id) if job.wish == "stop" else Cancel(job.id))
            while (message := await hear(self._worker, inbox, self._patience, job.id)) is not None:
                ending = self._take(message)
                if ending is not None:
                    return ending
            self.hung = self._worker.hung
            return None
        finally:
            self._worker.close_inbox(job.id)

    def _take(self, message: AboutJob) -> Ending | None:
        match message:
            case Began():
                self._effort = Effort(self._job.request.model, message.width, message.height,
                                      message.cutouts)
                self._iterations = message.iterations
                self._pace.learn_size(self._job.request, self._effort, message.iterations)
                self._overlay = message.overlay
                if message.overlay:  # the person shall see it before anything is painted
                    self._job.publish(Progress(message.iteration, message.iterations, b"", {},
                                               self._job.left, message.overlay))
            case Stepped():
                self._step(message)
            case Saved():
                self._job.saved_iteration = message.iteration
            case Painted():
                self._learn(message.iterations, message.seconds)
                return Done(message.picture, message.seed, message.seconds, message.iterations,
                            message.width, message.height, message.notices, message.stopped,
                            message.scores)
            case GivenUp():
                return Cancelled(message.partial)
            case Refused():
                return Failed(message.reason)
        return None

    def _step(self, message: Stepped) -> None:
        job = self._job
        # Seconds were measured through this iterate, the first of which is number 0.
        each = message.seconds / (message.iteration + 1)
        job.left = each * (self._iterations - message.iteration)
        job.publish(Progress(message.iteration, self._iterations, message.preview,
                             dict(message.losses), job.left, self._overlay))
        self._told()

    def _learn(self, iterations: int, seconds: float) -> None:
        if self._effort is not None and iterations > 0:
            self._pace.learn(self._effort, seconds / iterations)


def hung_again_and_again() -> Failed:
    """What is told when worker after worker stood still over a job."""
    return Failed(Translatable("The painting process stood still over this again and again, so it "
                               "was given up; try a smaller size or another model, and tell "
                               "whoever runs the bot."))


def died_twice() -> Failed:
    """What is told when a job ends two workers without getting anywhere in between."""
    return Failed(Translatable("Painting this stopped the painting process twice, most likely for "
                               "want of memory; try a smaller size, fewer cutouts or another "
                               "model."))


def unforeseen(reference: str) -> Failed:
    """What is told of what nobody foresaw; the log has the rest under ``reference``."""
    return Failed(Translatable("Something went wrong here, and it was noted; ask whoever runs the "
                               "bot, and name the reference {reference}.", reference=reference))
