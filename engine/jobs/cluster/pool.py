"""As many workers in a Ray cluster as the queue needs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.jobs.cluster.connection import Cluster, ClusterError
from engine.jobs.cluster.process import ClusterProcess
from engine.jobs.cluster.settings import ClusterSettings
from engine.jobs.cluster.sharing import ASK_SECONDS, Need, Sharing, room_for
from engine.jobs.eta import kind_of
from engine.jobs.job import Job
from engine.jobs.watched import WatchedWorker
from engine.jobs.workers import Employer
from engine.tasks import spawn
from engine.worker.messages import WorkerSettings

log = logging.getLogger("engine.cluster")

_LOOK_SECONDS = 1.0
_CHECK_SECONDS = 30.0
_LONGEST_WAIT_SECONDS = 60.0
_SHARING_SECONDS = 10.0


@dataclass(frozen=True)
class Share:
    """What each worker paints on, and what it gets of a machine."""

    device: str
    cpus: float
    gpus: float


class ClusterPool:
    """A WorkerSupply that gets its workers from a Ray cluster.

    It asks for more while jobs wait. What a worker needs is a request to Ray, on which Ray's
    autoscaler adds machines; at most as many requests wait as there are workers, and at least one,
    so that a cluster that cannot grow is not flooded with them, and one that can doubles. A worker
    is shown to the queue once it is on a machine and ready. Those that have had nothing to do for a
    while are released, down to none, and then the autoscaler can remove their machines. If several
    bots need more than there is, they share it by the people who wait in each (sharing.py).
    """

    def __init__(self, settings: ClusterSettings, *, silence: float = 900.0) -> None:
        self._settings = settings
        self._silence = silence
        self._cluster = Cluster(settings.address)
        self._workers: list[WatchedWorker] = []
        self._shown: set[WatchedWorker] = set()
        self._leaving: list[WatchedWorker] = []  # closed, but the queue still has them
        self._idle_since: dict[WatchedWorker, float] = {}
        self._share: Share | None = None
        self._room = 0
        self._sharing: Any = None
        self._allowed: int | None = None
        self._asked = -math.inf
        self._name = uuid.uuid4().hex
        self._checked = -math.inf
        self._wake = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    async def start(self, queue: Employer) -> None:
        """Begin, without waiting for the cluster; raises InstallationError without Ray."""
        self._cluster.check()
        queue.watchers.append(lambda _job: self._wake.set())
        self._running = spawn(self._run(queue), "cluster")

    async def close(self, seconds: float) -> None:
        """Let the workers save their jobs and end; kill them after ``seconds``."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait([self._running])
        await asyncio.gather(*(worker.close(seconds) for worker in self._workers))
        with contextlib.suppress(ClusterError):
            if self._sharing is not None:
                await self._ask(Need(0, 0), seconds=1.0)
            await self._cluster.close()

    async def _run(self, queue: Employer) -> None:
        wait = _LOOK_SECONDS
        while True:
            self._wake.clear()
            try:
                await self._look(queue)
                wait = _LOOK_SECONDS
            except OSError as error:
                wait = min(2 * wait, _LONGEST_WAIT_SECONDS)
                log.error("the cluster can't be used; trying again in %g s: %s", wait, error)
                await self._disconnect()
                await asyncio.sleep(wait)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._wake.wait()

    async def _disconnect(self) -> None:
        """Forget the connection, with the workers that came by it."""
        await asyncio.gather(*(worker.close(0.0) for worker in self._workers))
        self._leaving += self._shown
        self._workers.clear()
        self._shown.clear()
        self._idle_since.clear()
        self._share = self._sharing = self._allowed = None
        with contextlib.suppress(ClusterError):
            await self._cluster.close()

    async def _look(self, queue: Employer) -> None:
        share = await self._connected()
        await self._show(queue)
        jobs = queue.overview()
        wanted = await self._shared(self._wanted(jobs, queue.worker_settings), jobs)
        await self._release_some(queue, wanted)
        placed = sum(worker.placed for worker in self._workers)
        waiting = len(self._workers) - placed
        for _ in range(min(wanted - len(self._workers), max(1, placed) - waiting)):
            await self._hire(queue.worker_settings, share, jobs)

    async def _connected(self) -> Share:
        """What each worker gets; connects, and now and then sees whether there is a cluster."""
        now = time.monotonic()
        if self._share is None or now - self._checked > _CHECK_SECONDS:
            await self._cluster.open()
            nodes = await self._cluster.nodes()
            self._checked = now
            if self._share is None:
                device = self._device_on([node["Resources"] for node in nodes])
                gpus = self._settings.gpus if device == "cuda" else 0.0
                self._share = Share(device, self._settings.cpus, gpus)
                log.info("connected to a cluster of %d machines: %s", len(nodes), self._share)
            gets = {"cpus": self._share.cpus, "gpus": self._share.gpus}
            self._room = sum(room_for(node["Resources"], **gets) for node in nodes)
        return self._share

    def _device_on(self, machines: Sequence[Mapping[str, float]]) -> str:
        """What workers paint on; a cluster that still has no CPUs either will grow GPUs."""
        if self._settings.device != "auto":
            return self._settings.device
        if any(resources.get("GPU") for resources in machines):
            return "cuda"
        return "cpu" if any(resources.get("CPU") for resources in machines) else "cuda"

    async def _shared(self, wanted: int, jobs: Sequence[Job]) -> int:
        """How many of the ``wanted`` workers it may have, as other bots need some, too."""
        now = time.monotonic()
        if now - self._asked >= ASK_SECONDS:
            self._asked = now
            need = Need(wanted, len({job.person for job in jobs}))
            try:
                if self._sharing is None:
                    self._sharing = await self._cluster.shared(Sharing, "sharing")
                self._allowed = await self._ask(need, seconds=_SHARING_SECONDS)
            except ClusterError as error:  # its machine is gone; there will be another
                log.info("the cluster can't be shared at the moment: %s", error)
                self._sharing = self._allowed = None
                self._asked = now + _LONGEST_WAIT_SECONDS
        return wanted if self._allowed is None else min(wanted, self._allowed)

    async def _ask(self, need: Need, *, seconds: float) -> int | None:
        ask = self._sharing.ask
        allowed: int | None
        allowed = await self._cluster.call(ask, self._name, need, self._room, seconds=seconds)
        return allowed

    async def _show(self, queue: Employer) -> None:
        """Give jobs to those that are on a machine and ready, and to no others."""
        self._leaving = [each for each in self._leaving if not queue.remove_worker(each)]
        for worker in self._workers:
            usable = worker.placed and worker.condition != "starting"
            if usable and worker not in self._shown:
                self._shown.add(worker)
                await queue.add_worker(worker)
            elif not usable and worker in self._shown and queue.remove_worker(worker):
                self._shown.discard(worker)
                self._checked = -math.inf  # perhaps the whole cluster is gone

    def _wanted(self, jobs: Sequence[Job], settings: WorkerSettings) -> int:
        slots = max((worker.slots for worker in self._shown), default=settings.slots or 1)
        kinds = Counter(kind_of(job.request) for job in jobs)
        wanted = sum(-(-count // slots) for count in kinds.values())
        most = wanted if self._settings.most is None else self._settings.most
        return max(self._settings.least, min(wanted, most))

    async def _release_some(self, queue: Employer, wanted: int) -> None:
        """Release those that are not needed: requests first, then those idle for long.

        Those that another bot should have finish their jobs and go at once.
        """
        now = time.monotonic()
        too_many = 0 if self._allowed is None else len(self._workers) - self._allowed
        for worker in sorted(self._workers, key=lambda worker: (worker.placed, worker.busy)):
            worker.retiring = too_many > 0
            too_many -= 1
            if worker.busy or (len(self._workers) <= wanted and not worker.retiring):
                self._idle_since.pop(worker, None)
                continue
            since = self._idle_since.setdefault(worker, now)
            idle = now - since >= self._settings.idle_seconds
            if idle or worker.retiring or not worker.placed:
                await self._release(queue, worker)

    async def _release(self, queue: Employer, worker: WatchedWorker) -> None:
        if worker in self._shown and not queue.remove_worker(worker):
            return
        self._shown.discard(worker)
        self._workers.remove(worker)
        self._idle_since.pop(worker, None)
        await worker.close(1.0)

    async def _hire(self, settings: WorkerSettings, share: Share, jobs: Sequence[Job]) -> None:
        model = self._model_in_need(jobs) or settings.preload
        worker = WatchedWorker(
            replace(settings, preload=model, device=share.device),
            lambda each: ClusterProcess(each, self._cluster, cpus=share.cpus, gpus=share.gpus),
            silence=self._silence,
            alone=False,
        )
        worker.watchers.append(self._wake.set)
        await worker.start()
        self._workers.append(worker)

    def _model_in_need(self, jobs: Sequence[Job]) -> str | None:
        """The model that most jobs wait for, by the workers that have or load it."""
        waiting = Counter(job.request.networks for job in jobs)
        have = Counter(model for worker in self._workers for model in worker.models)
        return max(waiting, key=lambda model: waiting[model] / (1 + have[model]), default=None)
