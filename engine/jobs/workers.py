"""What the queue needs of a worker, wherever it runs.

engine.jobs.local has the workers of this machine, engine.jobs.cluster those of a Ray cluster. A
worker of the queue outlives its processes: one that dies is started again. The workers of
engine.worker.process live once.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Literal, Protocol

from engine.jobs.job import Job
from engine.request.request import ImageRequest
from engine.worker.messages import AboutJob, Describe, Paint, RenderTimeLapse, WorkerSettings
from engine.worker.status import WorkerStatus

Order = Paint | RenderTimeLapse | Describe
Condition = Literal["starting", "ready", "broken"]
"""Broken: it runs without its device or first model, or rests after it died several times."""


class WorkerDiedError(Exception):
    """The worker died before the job had an ending; the job can continue in another."""

    def __init__(
        self,
        *,
        hung: bool = False,
        lost_device: bool = False,
        lost_node: bool = False,
        out_of_memory: bool = False,
    ) -> None:
        super().__init__("the worker died")
        self.hung = hung
        self.lost_device = lost_device
        self.lost_node = lost_node
        self.out_of_memory = out_of_memory


class DeviceWorker(Protocol):
    """Paints on one device.

    ``watchers`` are called, without arguments, when its condition, its slots or its loaded models
    change. ``slots`` is how many jobs of one kind it paints at once.
    """

    watchers: list[Callable[[], None]]
    slots: int

    @property
    def condition(self) -> Condition:
        """Whether it can be given jobs; a broken one gets them only if no other is better."""

    def free_slots(self, request: ImageRequest, running: Sequence[ImageRequest]) -> int:
        """How many jobs like ``request`` it can step in addition to those that it paints."""

    def load_seconds(self, model: str) -> float:
        """The seconds that loading ``model`` takes here; 0 if it is loaded."""

    async def start(self) -> None:
        """Start it, without waiting until models are loaded."""

    async def submit(self, order: Order, hangs: int = 0) -> None:
        """Give it a job, of which ``hangs`` workers were ended because they were stuck.

        Raises WorkerDiedError if it is being closed, OSError if it cannot be started.
        """

    def events(self, id: str) -> AsyncGenerator[AboutJob]:
        """The messages about a job that was submitted; raises WorkerDiedError if it dies."""

    def stop(self, id: str) -> None:
        """Have it finish the job's picture as it is; nothing if it does not paint it."""

    def cancel(self, id: str) -> None:
        """Have it drop the job; nothing if it does not paint it."""

    def steer(self, id: str, key: str, change: str) -> None:
        """Have it change the job (engine.worker.messages.SteerJob); nothing if it has it not."""

    def status(self, model: str | None) -> WorkerStatus:
        """Its status; ``model`` is the one it paints with, None if it paints nothing."""

    async def close(self, seconds: float) -> None:
        """Let it save its jobs and end; kill it after ``seconds``. It is not started again."""


class Employer(Protocol):
    """What a WorkerSupply needs of the queue; ``watchers`` get each job whose state changed."""

    watchers: list[Callable[[Job], None]]
    worker_settings: WorkerSettings

    def overview(self) -> list[Job]:
        """All jobs that are not over."""

    async def add_worker(self, worker: DeviceWorker) -> None:
        """Start a worker, and give it jobs from now on."""

    def remove_worker(self, worker: DeviceWorker) -> bool:
        """Give it no jobs any more; False, and nothing happens, if it has one."""


class WorkerSupply(Protocol):
    """Starts workers and ends them, as the queue needs them."""

    async def start(self, queue: Employer) -> None:
        """Begin, without waiting for workers; raises EngineError if it never can."""

    async def close(self, seconds: float) -> None:
        """Let the workers save their jobs and end; kill them after ``seconds``."""


def pass_on_interrupt(worker: DeviceWorker, job: Job) -> None:
    """Tell ``worker`` how ``job`` was interrupted."""
    (worker.stop if job.interrupt == "stop" else worker.cancel)(job.id)


def pass_on_steering(worker: DeviceWorker, job: Job) -> None:
    """Tell ``worker`` how ``job`` is to be changed; it knows what it was told before."""
    for key, change in job.steering.items():
        worker.steer(job.id, key, change)
