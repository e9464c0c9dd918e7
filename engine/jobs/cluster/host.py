"""What runs on another machine: the worker's process, the same as on the queue's own machine.

A Ray actor is one :class:`WorkerHost`. It starts the process, hands it messages, and keeps those
that come back until the queue has them; it neither loads torch nor paints.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.events import Progress
from engine.jobs.cluster.connection import this_node
from engine.jobs.cluster.files import Carried, NodeFiles, Packed
from engine.tasks import spawn
from engine.version import version
from engine.worker.messages import (
    FromWorker,
    Heartbeat,
    JobEvent,
    Saved,
    ToWorker,
    WorkerSettings,
)
from engine.worker.process import ProcessWorker

_FOLDERS = "imagine-bot-jobs-"  # and the id of the process that has it

POLL_SECONDS = 5.0
"""How long :meth:`WorkerHost.receive` waits for a message."""


@dataclass(frozen=True)
class Placed:
    """The machine that a worker got: Ray's ``id`` and the ``address`` of it."""

    id: str
    address: str


@dataclass(frozen=True)
class Begun:
    """The worker's process runs, with this ``version`` of the program."""

    pid: int
    version: str


@dataclass(frozen=True)
class Gone:
    """The worker's process ended; nothing follows."""

    hung: bool
    lost_device: bool
    out_of_memory: bool


Reported = FromWorker | Carried | Gone


@dataclass(frozen=True)
class Report:
    """Messages of the worker, of which ``number`` have come with this one and those before."""

    number: int
    messages: tuple[Reported, ...]
    memory: int | None


class _RelayedWorker(ProcessWorker):
    """A worker whose messages go to a queue, in their order; None after the last."""

    def __init__(self, settings: WorkerSettings) -> None:
        super().__init__(settings)
        self.messages: asyncio.Queue[FromWorker | None] = asyncio.Queue()

    def deliver(self, message: FromWorker) -> None:
        """Keep it for the relay."""
        self.messages.put_nowait(message)

    def mark_dead(self) -> None:
        """End the relay."""
        super().mark_dead()
        self.messages.put_nowait(None)


class WorkerHost:
    """A worker's process, and its side of the conversation with the queue.

    Each call can be repeated after an answer was lost: messages to the worker are numbered, and
    those from it are kept until the queue says that it has them.
    """

    def __init__(self, settings: WorkerSettings) -> None:
        self._files = NodeFiles(_new_folder())
        self._worker = _RelayedWorker(settings)
        self._relaying: asyncio.Task[None] | None = None
        self._taken = 0  # batches of messages to the worker
        self._kept: deque[Reported] = deque()
        self._confirmed = 0
        self._came = asyncio.Event()

    async def place(self) -> Placed:
        """The machine that it is on."""
        return Placed(*this_node())

    async def begin(self) -> Begun:
        """Start the worker's process unless it runs."""
        if self._relaying is None:
            await self._worker.start()
            self._relaying = spawn(self._relay(), "relay")
        return Begun(self._worker.pid or os.getpid(), version())

    async def send(self, number: int, messages: Sequence[ToWorker | Packed]) -> None:
        """Hand ``messages``, the batch with this number from 1, to the worker."""
        if number <= self._taken:
            return
        self._taken = number
        for message in messages:
            if isinstance(message, Packed):
                self._worker.send(await asyncio.to_thread(self._files.unpack, message))
            else:
                self._worker.send(message)

    async def receive(self, confirmed: int) -> Report:
        """The messages after the first ``confirmed``; waits for one, but not for long."""
        while self._confirmed < confirmed:
            self._kept.popleft()
            self._confirmed += 1
        if not self._kept:
            self._came.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self._came.wait()
        messages = tuple(self._kept)
        return Report(self._confirmed + len(messages), messages, self._worker.memory)

    async def _relay(self) -> None:
        worker = self._worker
        while (message := await worker.messages.get()) is not None:
            if not isinstance(message, Heartbeat):  # each answer to the queue is one
                self._keep(await self._carried(message))
        self._keep(Gone(worker.hung, worker.lost_device, worker.out_of_memory))

    def _keep(self, message: Reported) -> None:
        self._kept.append(message)
        self._came.set()

    async def _carried(self, message: FromWorker) -> Reported:
        """The message, with what is new in the files that it is about."""
        if isinstance(message, Saved):
            pieces = await asyncio.to_thread(self._files.pieces, message.id, ("state", "frames"))
            return Carried(message, pieces)
        if isinstance(message, JobEvent) and not isinstance(message.event, Progress):
            pieces = await asyncio.to_thread(self._files.pieces, message.id, ("frames",))
            await asyncio.to_thread(self._files.remove, message.id)
            return Carried(message, pieces)
        return message


def _new_folder() -> Path:
    """A folder for jobs' files; those of actors that were killed are deleted."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_FOLDERS}*"):
        owner = folder.name.removeprefix(_FOLDERS).partition("-")[0]
        if owner.isdigit() and not _is_running(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{_FOLDERS}{os.getpid()}-"))


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        return True
    return True
