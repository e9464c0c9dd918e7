"""The queue's end of a worker on another machine."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from typing import Any

from engine.jobs.cluster.connection import Cluster, ClusterError, UnreachableError
from engine.jobs.cluster.files import Carried, KeptFiles, Packed, pack
from engine.jobs.cluster.host import POLL_SECONDS, Begun, Gone, Placed, Report, Reported, WorkerHost
from engine.tasks import spawn
from engine.version import version
from engine.worker.messages import (
    Close,
    JobEvent,
    Logged,
    Paint,
    RenderTimeLapse,
    Saved,
    ToWorker,
    WorkerSettings,
)
from engine.worker.process import Inboxes

log = logging.getLogger("engine.cluster")

# The process is started by then, and PyTorch is imported after that.
_BEGIN_SECONDS = 60.0
_SILENT_SECONDS = POLL_SECONDS + 15.0
_STALE_SECONDS = POLL_SECONDS + 2.0  # after the last report, which come more often


class ClusterProcess(Inboxes):
    """A worker's process on a machine of ``cluster``, with ``cpus`` and ``gpus`` of it.

    It can wait for a machine for any time; :attr:`placed` says when it has one. Messages that are
    sent before reach it then.
    """

    def __init__(
        self, settings: WorkerSettings, cluster: Cluster, *, cpus: float, gpus: float
    ) -> None:
        super().__init__()
        self.placed = False
        self._settings = settings
        self._cluster = cluster
        self._cpus, self._gpus = cpus, gpus
        self._actor: Any = None
        self._outgoing: asyncio.Queue[ToWorker] = asyncio.Queue()
        self._unsent: ClusterError | None = None  # why messages cannot be sent any more
        self._files: dict[str, KeptFiles] = {}
        self._serving: asyncio.Task[None] | None = None
        self._node_id: str | None = None
        self._pid: int | None = None
        self._memory: int | None = None
        self._reported = math.inf

    @property
    def pid(self) -> int | None:
        """The id of its process on its machine; None before it has one."""
        return self._pid

    @property
    def memory(self) -> int | None:
        """The resident memory that it last reported, in bytes."""
        return self._memory if self.alive else None

    async def start(self) -> None:
        """Ask the cluster for it."""
        self._actor = await self._cluster.create(
            WorkerHost, self._settings, cpus=self._cpus, gpus=self._gpus
        )
        self.alive = True
        self._serving = spawn(self._serve(), "worker in the cluster")

    def send(self, message: ToWorker) -> None:
        """Send a message, in the background; does nothing if the worker is dead."""
        if self.alive:
            self._outgoing.put_nowait(message)

    async def kill(self) -> None:
        """Kill the process and the actor that has it."""
        if self.hung and time.monotonic() - self._reported > _STALE_SECONDS:
            self.hung, self.lost_node = False, True  # it is the machine that says nothing
        if self._serving is not None:
            self._serving.cancel()
            await asyncio.wait([self._serving])

    async def close(self, seconds: float) -> None:
        """Let it save its jobs and exit; kill it after ``seconds``."""
        if self._serving is None:
            return
        if self.placed:
            self.send(Close())
            await asyncio.wait([self._serving], timeout=seconds)
        self.lost_node = self.alive  # what is cut off here is not the job's fault
        await self.kill()

    async def _serve(self) -> None:
        writing: asyncio.Task[None] | None = None
        try:
            await self._begin()
            writing = spawn(self._write(), "to a worker in the cluster")
            await self._read()
        except ClusterError as error:
            log.error("the worker on %s is gone: %s", self.node or "a new machine", error)
            unreachable = isinstance(error, UnreachableError)
            self.lost_node = self.placed and (unreachable or await self._node_is_gone())
        finally:
            if writing is not None:
                writing.cancel()
            try:
                with contextlib.suppress(ClusterError):
                    await self._cluster.kill(self._actor)
            finally:
                self.mark_dead()

    async def _begin(self) -> None:
        """Wait for a machine, and for the process there."""
        placed: Placed = await self._cluster.call(self._actor.place, seconds=None)
        self.node, self._node_id = placed.address, placed.id
        self.placed = True
        begun: Begun = await self._cluster.call(self._actor.begin, seconds=_BEGIN_SECONDS)
        if begun.version != version():
            raise ClusterError(
                f"{self.node} has version {begun.version} of imagine-bot, this is {version()}; "
                "install the same on all machines"
            )
        self._pid = begun.pid
        log.info("a worker starts on %s, process %d", self.node, begun.pid)

    async def _node_is_gone(self) -> bool:
        try:
            nodes = await self._cluster.nodes()
        except (ClusterError, TimeoutError):
            return True
        return all(node["NodeID"] != self._node_id for node in nodes)

    async def _write(self) -> None:
        number = 0
        while True:
            messages = [await self._outgoing.get()]
            while not self._outgoing.empty():
                messages.append(self._outgoing.get_nowait())
            batch = [await self._packed(message) for message in messages]
            number += 1
            try:
                await self._cluster.call(self._actor.send, number, batch, seconds=_SILENT_SECONDS)
            except ClusterError as error:
                self._unsent = error
                return

    async def _packed(self, message: ToWorker) -> ToWorker | Packed:
        if isinstance(message, Paint):
            self._files[message.id] = KeptFiles(message)
        if isinstance(message, Paint | RenderTimeLapse):
            return await asyncio.to_thread(pack, message)
        return message

    async def _read(self) -> None:
        seen = 0
        while True:
            report: Report = await self._cluster.call(
                self._actor.receive, seen, seconds=_SILENT_SECONDS
            )
            if self._unsent is not None:
                raise self._unsent
            seen, self._memory = report.number, report.memory
            self._reported = time.monotonic()
            for message in report.messages:
                if isinstance(message, Gone):
                    self.hung, self.lost_device = message.hung, message.lost_device
                    self.out_of_memory = message.out_of_memory
                    return
                await self._take(message)

    async def _take(self, message: Reported) -> None:
        if not isinstance(message, Carried):
            assert not isinstance(message, Gone)
            self.deliver(message)
            return
        about, files = message.message, self._files.get(message.message.id)
        if files is not None:
            try:
                await asyncio.to_thread(files.write, message.pieces)
            except OSError as error:
                text = f"the state could not be saved: {error}"
                self.deliver(Logged(about.id, logging.WARNING, text))
                if isinstance(about, Saved):
                    return
        if isinstance(about, JobEvent):
            self._files.pop(about.id, None)
        self.deliver(about)
