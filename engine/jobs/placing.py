"""On which worker the next job starts."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from weakref import WeakKeyDictionary

from engine.events import Progress
from engine.jobs.eta import EtaEstimator
from engine.jobs.job import Job
from engine.jobs.workers import DeviceWorker


class Placing:
    """The workers, the jobs that they paint, and the choice between them.

    A job starts on the worker that paints it soonest: one that is free, plus the time to load the
    job's model if it has not loaded it, or one that has it and becomes free sooner than that. Jobs
    start in the queue's order all the same: while the first one waits for such a worker, a free
    device stays free, for no longer than it would have spent loading. So the order, and with it
    everybody's share in seconds of work, does not depend on the devices.
    """

    def __init__(
        self, estimator: EtaEstimator, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.workers: list[DeviceWorker] = []
        self.running: dict[Job, DeviceWorker] = {}  # in the order in which they started
        self._estimator = estimator
        self._clock = clock
        self._avoided: WeakKeyDictionary[Job, DeviceWorker] = WeakKeyDictionary()
        self._held_until: float | None = None
        self._on: dict[DeviceWorker, list[Job]] = {}  # what each paints, while one is chosen

    @property
    def devices(self) -> int:
        """How many workers paint when all goes well."""
        return sum(worker.condition != "broken" for worker in self.workers)

    @property
    def slots(self) -> int:
        """How many jobs are painted at once when all goes well."""
        return sum(each.slots for each in self.workers if each.condition != "broken")

    @property
    def has_room(self) -> bool:
        """Whether some worker has fewer jobs than slots."""
        ready = (each.slots for each in self.workers if each.condition == "ready")
        return len(self.running) < sum(ready)

    def loads(self) -> list[float]:
        """Seconds of work left on each device that paints.

        Jobs that share one get on more slowly, and the times that they report say so.
        """
        sharing = Counter(self.running.values())
        loads: dict[DeviceWorker, float] = {}
        for job, worker in self.running.items():
            left = self._estimator.seconds_left(job)
            if isinstance(job.latest, Progress):
                left /= sharing[worker]
            loads[worker] = loads.get(worker, 0.0) + left
        return list(loads.values())

    def avoid(self, job: Job, worker: DeviceWorker) -> None:
        """Continue ``job`` on another worker if there is one: this one's device failed on it."""
        self._avoided[job] = worker

    def place(self, job: Job) -> DeviceWorker | None:
        """Mark ``job`` as running on a worker, and return that; None if it has to wait.

        It waits for a device to become free, or for one that has its model, for at most
        :meth:`patience` seconds.
        """
        # Once for all workers: with a thousand, each looking at all jobs would take a second.
        self._on = {}
        for other, where in self.running.items():
            self._on.setdefault(where, []).append(other)
        worker = self._choose(job)
        if worker is not None:
            self._avoided.pop(job, None)
            self.running[job] = worker
        return worker

    def nothing_waits(self) -> None:
        """Note that the line is empty, so that no device is kept free."""
        self._held_until = None

    def patience(self) -> float | None:
        """Seconds until :meth:`place` should be asked again although nothing has changed."""
        return None if self._held_until is None else max(0.0, self._held_until - self._clock())

    def _usable(self, job: Job) -> list[DeviceWorker]:
        by_condition: dict[str, list[DeviceWorker]] = {"ready": [], "starting": [], "broken": []}
        for worker in self.workers:
            by_condition[worker.condition].append(worker)
        # A broken one at least says what is wrong; a starting one will soon be ready.
        usable = by_condition["ready"]
        if not usable and not by_condition["starting"] and not job.elsewhere:
            usable = by_condition["broken"]
        others = [worker for worker in usable if worker is not self._avoided.get(job)]
        return others or usable

    def _choose(self, job: Job) -> DeviceWorker | None:
        usable = self._usable(job)
        free = [worker for worker in usable if self._is_free(worker, job)]
        shared = next((worker for worker in usable if self._paints_grid_of(worker, job)), None)
        if not free:
            self._held_until = None
            return shared
        model = job.request.networks
        # Jobs share a worker only when no other has it free.
        best = min(free, key=lambda worker: (worker.load_seconds(model), self._jobs_on(worker)))
        load = best.load_seconds(model)
        if load == 0 or job.request.changes_nothing:
            return best
        if shared is not None:
            return shared
        loaded = [worker for worker in usable if worker.load_seconds(model) == 0]
        wait = min(map(self._free_in, loaded), default=load)
        if wait >= load:
            return best
        # One limit for all jobs that wait like this, or many short ones could keep a device free.
        # It ends when no device is free or no job waits.
        now, until = self._clock(), self._held_until
        self._held_until = until = now + load if until is None else min(until, now + load)
        return None if now < until else best

    def _is_free(self, worker: DeviceWorker, job: Job) -> bool:
        running = self._running_on(worker)
        if running and any(each.is_suspect for each in (job, *running)):
            return False  # alone, it does not take others with it
        return worker.free_slots(job.request, [other.request for other in running]) > 0

    def _paints_grid_of(self, worker: DeviceWorker, job: Job) -> bool:
        """Whether it paints nothing but other pictures of the job's grid.

        Then it can step them together, whatever the number of its slots.
        """
        running = self._running_on(worker)
        if job.grid is None or any(each.is_suspect for each in (job, *running)):
            return False
        return bool(running) and all(each.grid == job.grid for each in running)

    def _free_in(self, worker: DeviceWorker) -> float:
        return min(map(self._estimator.seconds_left, self._running_on(worker)), default=0.0)

    def _jobs_on(self, worker: DeviceWorker) -> int:
        return len(self._running_on(worker))

    def _running_on(self, worker: DeviceWorker) -> list[Job]:
        return self._on.get(worker, [])
