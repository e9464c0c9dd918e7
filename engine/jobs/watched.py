"""A worker of the queue: one process after the other, watched, and started again when it dies."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from engine.events import Progress
from engine.jobs.eta import kind_of
from engine.jobs.workers import Condition, Order, WorkerDiedError
from engine.request.request import ImageRequest
from engine.tasks import spawn
from engine.worker.messages import (
    AboutJob,
    Cancel,
    JobEvent,
    Loaded,
    Ready,
    Slots,
    SteerJob,
    Stop,
    WorkerSettings,
)
from engine.worker.process import Inbox, Worker
from engine.worker.status import WorkerStatus, status
from engine.worker.timeouts import SilenceTimeout
from engine.worker.watchdog import next_message

log = logging.getLogger("engine.queue")

_LOAD_SECONDS = 10.0  # of a model that was never loaded: the published ones take about that
_REST_SECONDS, _LONGEST_REST_SECONDS = 5.0, 600.0


@dataclass(frozen=True)
class _Submitted:
    """A job, the process that has it, and how long that may be silent about it."""

    process: Worker
    inbox: Inbox
    silence: SilenceTimeout


class WatchedWorker:
    """A worker of the queue; it paints one job at a time, or several of one kind.

    ``make`` makes its processes. One that has been silent about a job for ``silence`` seconds, or
    much less while it paints (engine.worker.timeouts), is killed. If there are several workers, a
    dead one is started again at once, and after more than one death without a finished job in
    between after a rest that doubles, so that the jobs go to the other devices. One that is
    ``alone`` is started when a job needs it.
    """

    def __init__(
        self,
        settings: WorkerSettings,
        make: Callable[[WorkerSettings], Worker],
        *,
        silence: float = 900.0,
        alone: bool = True,
    ) -> None:
        self.watchers: list[Callable[[], None]] = []
        self.retiring = False  # finishes its jobs and gets no more
        self._settings = settings
        self._make = make
        self._silence = silence
        self._alone = alone
        self._process: Worker | None = None
        self.slots = settings.slots or 1
        self._starts = 0
        self._starting = asyncio.Lock()
        self._models: tuple[str, ...] = ()
        self._load_seconds: dict[str, float] = {}
        self._jobs: dict[str, _Submitted] = {}
        self._deaths = 0  # since the last job ended here
        self._resting = self._closing = False
        self._restarting: asyncio.Task[None] | None = None
        self._start_timeout: asyncio.TimerHandle | None = None

    @property
    def placed(self) -> bool:
        """Whether it has a process that has a machine."""
        return self._process is not None and self._process.alive and self._process.placed

    @property
    def busy(self) -> bool:
        """Whether it has a job."""
        return bool(self._jobs)

    @property
    def models(self) -> tuple[str, ...]:
        """The models that it has loaded; before it has any, the one that it loads first."""
        return self._models or tuple(filter(None, [self._settings.preload]))

    @property
    def condition(self) -> Condition:
        """Always ready if it is alone: its jobs then wait for it."""
        process = self._process
        if self._alone:
            return "ready"
        if process is None or not process.alive:
            return "broken" if self._resting else "starting"
        if process.device is None:
            return "starting"
        return "broken" if process.device == "none" else "ready"

    def free_slots(self, request: ImageRequest, running: Sequence[ImageRequest]) -> int:
        """As many as it has slots, if all are of one kind, else only one.

        Jobs of other sizes could share it, too, but would only take turns: each would be finished
        later, and none sooner.
        """
        if self.retiring:
            return 0
        others = [other for other in running if not other.changes_nothing]
        if others and not request.changes_nothing and kind_of(others[0]) != kind_of(request):
            return 0
        return max(0, self.slots - len(running))

    def load_seconds(self, model: str) -> float:
        """As measured when it was last loaded here, else a guess; 0 if it is loaded."""
        return 0.0 if model in self._models else self._load_seconds.get(model, _LOAD_SECONDS)

    async def start(self) -> None:
        """Start its process unless it runs."""
        await self._running()

    async def _running(self) -> Worker:
        async with self._starting:
            if self._closing:
                raise WorkerDiedError
            if self._process is None or not self._process.alive:
                process = self._make(self._settings)
                process.watcher = partial(self._heard, process)
                self._process = process
                self._starts += 1
                await process.start()
                if not self._alone:
                    self._watch_start(process)
            return self._process

    def _watch_start(self, process: Worker) -> None:
        self._start_timeout = asyncio.get_running_loop().call_later(
            self._silence, self._end_stuck_start, process
        )

    def _end_stuck_start(self, process: Worker) -> None:
        """Kill the process if it still loads its first model, for which no job waits."""
        if not process.alive:
            return
        if not process.placed:
            self._watch_start(process)
        elif process.device is None:
            log.error("the worker for %s does not get ready; killing it", self._settings.device)
            process.hung = True
            self._restarting = spawn(process.kill(), "a worker that does not get ready")

    def _heard(self, process: Worker, message: Ready | Loaded | Slots | None) -> None:
        match message:
            case Slots():
                self.slots = message.count
            case Loaded():
                self._load_seconds[message.model] = message.seconds
                self._models = message.models
            case None:
                self._models = ()
                self.slots = self._settings.slots or 1
                if process.lost_device:  # in case one of these was the reason
                    self._settings = replace(
                        self._settings, cuda_graphs=False, triton_kernels=False
                    )
                if not self._alone and not self._closing:
                    if not process.lost_node:  # which is no fault of the worker's
                        self._deaths += 2 if process.lost_device else 1
                    self._resting = self._deaths > 1
                    self._restarting = spawn(self._restart(), f"restart {self._settings.device}")
        self._tell()

    def _tell(self) -> None:
        for watcher in self.watchers:
            watcher()

    async def _restart(self) -> None:
        while not self._closing:
            if self._resting:
                rest = min(_LONGEST_REST_SECONDS, _REST_SECONDS * 2.0 ** (self._deaths - 2))
                log.warning("%s is not used for %g s", self._settings.device, rest)
                await asyncio.sleep(rest)
                self._resting = False
            try:
                await self._running()
            except OSError as error:
                log.error("the worker for %s cannot be started: %s", self._settings.device, error)
                self._deaths += 2
                self._resting = True
                self._tell()
            except WorkerDiedError:  # closed meanwhile
                return
            else:
                return

    async def submit(self, order: Order, hangs: int = 0) -> None:
        """Send the job to the process, which is started unless it runs."""
        process = await self._running()
        silence = SilenceTimeout(self._silence, hangs)
        self._jobs[order.id] = _Submitted(process, process.open(order.id), silence)
        process.send(order)

    async def events(self, id: str) -> AsyncGenerator[AboutJob]:
        """The messages about the job besides its timing, up to its ending."""
        job = self._jobs[id]
        try:
            while True:
                message = await next_message(job.process, job.inbox, job.silence, id)
                if message is None:
                    break
                if isinstance(message, JobEvent) and not isinstance(message.event, Progress):
                    self._deaths = 0
                yield message
        finally:
            del self._jobs[id]
            job.process.close_inbox(id)
        raise WorkerDiedError(
            hung=job.process.hung,
            lost_device=job.process.lost_device,
            lost_node=job.process.lost_node,
            out_of_memory=job.process.out_of_memory,
        )

    def stop(self, id: str) -> None:
        """Send Stop to the process that has the job."""
        if id in self._jobs:
            self._jobs[id].process.send(Stop(id))

    def cancel(self, id: str) -> None:
        """Send Cancel to the process that has the job."""
        if id in self._jobs:
            self._jobs[id].process.send(Cancel(id))

    def steer(self, id: str, key: str, change: str) -> None:
        """Send SteerJob to the process that has the job."""
        if id in self._jobs:
            self._jobs[id].process.send(SteerJob(id, key, change))

    def status(self, model: str | None) -> WorkerStatus:
        """Its status; without ``model`` it names the preloaded one."""
        now = status(self._process, model or self._settings.preload, self._starts)
        return replace(now, resting=self._resting and not now.alive)

    async def close(self, seconds: float) -> None:
        """Let the process save and exit; kill it after ``seconds``."""
        self._closing = True
        if self._start_timeout is not None:
            self._start_timeout.cancel()
        if self._restarting is not None:
            self._restarting.cancel()
            await asyncio.wait([self._restarting])
        async with self._starting:
            if self._process is not None:
                await self._process.close(seconds)
