"""The queue's end of a worker: starting it, sending to it, receiving from it, noticing its death.

Nothing here loads torch or blocks the event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from engine.openmp import set_waiting
from engine.tasks import spawn
from engine.worker.failures import DEVICE_LOST, OUT_OF_MEMORY
from engine.worker.messages import (
    HEADER,
    AboutJob,
    Busy,
    Close,
    FromWorker,
    Heartbeat,
    Loaded,
    Logged,
    Ready,
    Slots,
    ToWorker,
    WorkerSettings,
    frame,
)
from engine.worker.resident import resident
from engine.worker.timeouts import read_within

if TYPE_CHECKING:
    from engine.worker.main import JobLoop

log = logging.getLogger("engine.worker")
_ROOT = Path(__file__).resolve().parents[2]
# PyTorch is imported, perhaps from a cold disk, before the first heartbeat.
_START_SECONDS, _HEARTBEAT_SECONDS = 180.0, 20.0

Inbox = asyncio.Queue[AboutJob | Busy | None]
"""The worker's messages about one job, and Busy; None once the worker is dead."""


class Worker(Protocol):
    """A worker, in a process of its own, here or on another machine, or in this one.

    ``watcher`` is called when it gets ready, has loaded a model or another number of slots, and
    when it died (None).
    """

    watcher: Callable[[Ready | Loaded | Slots | None], None] | None

    alive: bool
    """Whether it reads messages."""

    placed: bool
    """Whether there is a machine for it; until then it waits for one."""

    device: str | None
    """The device that it paints on, "none" if it has none; None until it is ready."""

    node: str | None
    """The machine that it runs on; None for this one."""

    hung: bool
    """Whether it was killed because it was stuck."""

    lost_device: bool
    """Whether it ended because its device was lost."""

    lost_node: bool
    """Whether it ended because its machine is gone, or cannot be reached."""

    out_of_memory: bool
    """Whether it ended because its memory ran out."""

    @property
    def pid(self) -> int | None:
        """The id of its process on its machine; None without one of its own."""

    @property
    def memory(self) -> int | None:
        """The resident memory of its process in bytes; None if unknown."""

    async def start(self) -> None:
        """Start it; returns before models are loaded. Raises OSError if that is not possible."""

    def open(self, id: str) -> Inbox:
        """Collect messages about the job ``id`` from now on."""

    def close_inbox(self, id: str) -> None:
        """Stop collecting messages about ``id``."""

    def send(self, message: ToWorker) -> None:
        """Send a message, without waiting; does nothing if the worker is dead."""

    async def kill(self) -> None:
        """Kill it at once."""

    async def close(self, seconds: float) -> None:
        """Let it save its jobs and exit; kill it after ``seconds``."""


class Inboxes:
    """What every Worker has: who receives the messages about which job, and what became of it."""

    def __init__(self) -> None:
        self._inboxes: dict[str, Inbox] = {}
        self.alive = self.hung = self.lost_device = self.lost_node = self.out_of_memory = False
        self.placed = True
        self.device: str | None = None
        self.node: str | None = None
        self.watcher: Callable[[Ready | Loaded | Slots | None], None] | None = None

    @property
    def pid(self) -> int | None:
        """The id of its process; None without one of its own."""
        return None

    @property
    def memory(self) -> int | None:
        """The resident memory of its process in bytes; None if unknown."""
        return resident(self.pid) if self.alive else None

    def open(self, id: str) -> Inbox:
        """Collect messages about the job ``id`` from now on."""
        inbox: Inbox = asyncio.Queue()
        self._inboxes[id] = inbox
        if not self.alive:
            inbox.put_nowait(None)
        return inbox

    def close_inbox(self, id: str) -> None:
        """Stop collecting messages about ``id``."""
        self._inboxes.pop(id, None)

    def deliver(self, message: FromWorker) -> None:
        """Pass the message on to the jobs and the watcher that it is about."""
        if isinstance(message, Logged):
            log.log(message.level, "%s", message.text, extra={"job": message.id or None})
        elif isinstance(message, Ready):
            self.device = message.device
            log.info("the worker is ready on %s", message.device)
            self._tell(message)
        elif isinstance(message, Loaded | Slots):
            self._tell(message)
        elif isinstance(message, Heartbeat):
            return
        elif isinstance(message, Busy):
            for inbox in self._inboxes.values():
                inbox.put_nowait(message)
        elif message.id in self._inboxes:
            self._inboxes[message.id].put_nowait(message)

    def mark_dead(self) -> None:
        """Tell all who wait for messages that none will come."""
        self.alive = False
        for inbox in self._inboxes.values():
            inbox.put_nowait(None)
        self._tell(None)

    def _tell(self, message: Ready | Loaded | Slots | None) -> None:
        if self.watcher is not None:
            self.watcher(message)


class ProcessWorker(Inboxes):
    """A worker in a process of its own."""

    def __init__(self, settings: WorkerSettings) -> None:
        super().__init__()
        self._settings = settings
        self._process: asyncio.subprocess.Process | None = None
        self._listening: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Its process id; None before :meth:`start`."""
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """Start the process."""
        paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
        set_waiting(environment)
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "engine.worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=environment,
            # Ctrl-C in a terminal is for the bot, which then lets the worker save and exit.
            start_new_session=True,
        )
        self.alive = True
        self._listening = spawn(self._listen(self._process), "worker")
        self.send(self._settings)

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        limit = _START_SECONDS
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                try:
                    message = await _read_frame(process.stdout, limit)
                except TimeoutError:
                    log.error("worker %d sends nothing; killing it", process.pid)
                    self.hung = True
                    with contextlib.suppress(ProcessLookupError):
                        process.kill()
                    break
                self.deliver(message)
                limit = _HEARTBEAT_SECONDS
        code = await process.wait()
        self.lost_device, self.out_of_memory = code == DEVICE_LOST, code == OUT_OF_MEMORY
        level = logging.INFO if code == 0 else logging.ERROR
        log.log(level, "worker %d exited with code %d", process.pid, code)
        self.mark_dead()

    def send(self, message: ToWorker) -> None:
        """Write to its pipe, in the background."""
        if self.alive and self._process is not None:
            assert self._process.stdin is not None
            with contextlib.suppress(ConnectionError, RuntimeError):  # it is closing just now
                self._process.stdin.write(frame(message))

    async def kill(self) -> None:
        """Kill the process; it is gone when this returns."""
        process, listening = self._process, self._listening
        if process is None or listening is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await listening

    async def close(self, seconds: float) -> None:
        """Ask the process to exit; kill it after ``seconds``."""
        if self._listening is None:
            return
        self.send(Close())
        await asyncio.wait([self._listening], timeout=seconds)
        await self.kill()


async def _read_frame(pipe: asyncio.StreamReader, seconds: float) -> FromWorker:
    """The next message; raises TimeoutError if none arrives within ``seconds``."""
    header = await read_within(lambda: pipe.readexactly(HEADER.size), seconds)
    (size,) = HEADER.unpack(header)
    async with asyncio.timeout(seconds):
        message: FromWorker = pickle.loads(await pipe.readexactly(size))  # noqa: S301  from the process started here
    return message


class InProcessWorker(Inboxes):
    """The same work in a thread of this process, one iteration at a time: for tests of the bot.

    It loads torch here and shares the interpreter's lock, so it is not for production.
    """

    def __init__(self, settings: WorkerSettings) -> None:
        super().__init__()
        self._settings = settings
        self._loop: JobLoop | None = None
        self._posted = asyncio.Event()
        self._working: asyncio.Task[None] | None = None
        self._ending = False

    async def start(self) -> None:
        """Start the thread's work."""
        from engine.worker.main import JobLoop

        event_loop = asyncio.get_running_loop()

        def send(message: FromWorker) -> None:
            event_loop.call_soon_threadsafe(self.deliver, message)

        self._loop = JobLoop(self._settings, send)
        self.alive = True
        self._working = spawn(self._work(self._loop), "in-process worker")

    async def _work(self, loop: JobLoop) -> None:
        try:
            await asyncio.to_thread(loop.start)
            while not self._ending:
                self._posted.clear()
                if not await asyncio.to_thread(loop.tick) and not self._ending:
                    await self._posted.wait()
        finally:
            self.mark_dead()

    def send(self, message: ToWorker) -> None:
        """Post the message to the loop."""
        if self.alive and self._loop is not None:
            self._ending = self._ending or isinstance(message, Close)
            self._loop.post(message)
            self._posted.set()

    async def kill(self) -> None:
        """End after this iteration, since a thread cannot be killed."""
        await self.close(0)

    async def close(self, seconds: float) -> None:
        """End after this iteration, with all jobs saved."""
        if self._working is None or self._loop is None:
            return
        self.send(Close())
        await asyncio.wait([self._working])
        # Reads the Close message, which saves the jobs, if it came after the last iteration.
        await asyncio.to_thread(self._loop.tick)
