"""The queue's end of a worker: starts it, sends to it, hands out what it says, hears it die.

Nothing here loads torch, nothing blocks the event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import pickle
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from engine.tasks import spawn
from engine.worker.messages import (
    HEADER,
    AboutJob,
    Busy,
    Close,
    FromWorker,
    Logged,
    Pulse,
    Ready,
    ToWorker,
    WorkerSettings,
    frame,
)
from engine.worker.timeouts import patiently

if TYPE_CHECKING:
    from engine.worker.main import Painter

log = logging.getLogger("engine.worker")
_ROOT = Path(__file__).resolve().parents[2]
# Importing PyTorch from a cold disk comes before the first pulse.
_START_SECONDS, _PULSE_SECONDS = 180.0, 20.0

Inbox = asyncio.Queue[AboutJob | Busy | None]
"""What the worker says about one job, and that it is busy; None once it is gone."""


class Worker(Protocol):
    """Either kind of worker."""

    @property
    def alive(self) -> bool:
        """Whether it listens."""

    hung: bool
    """Whether it was ended because it stood still."""

    async def start(self) -> None:
        """Begin; returns before models are loaded."""

    def open(self, id: str) -> Inbox:
        """From now on, collect what is said about the job ``id``."""

    def close_inbox(self, id: str) -> None:
        """Listen no longer to what is said about ``id``."""

    def send(self, message: ToWorker) -> None:
        """Tell it something; never waits. To a dead one it says nothing."""

    async def kill(self) -> None:
        """End it at once."""

    async def close(self, seconds: float) -> None:
        """Let it save what it has and end; at once after ``seconds``."""


class _Inboxes:
    """Who listens to what is said about which job."""

    def __init__(self) -> None:
        self._inboxes: dict[str, Inbox] = {}
        self.alive = self.hung = False
        self.device: str | None = None

    def open(self, id: str) -> Inbox:
        inbox: Inbox = asyncio.Queue()
        self._inboxes[id] = inbox
        if not self.alive:
            inbox.put_nowait(None)
        return inbox

    def close_inbox(self, id: str) -> None:
        self._inboxes.pop(id, None)

    def deliver(self, message: FromWorker) -> None:
        if isinstance(message, Logged):
            log.log(message.level, "%s", message.text, extra={"job": message.id or None})
        elif isinstance(message, Ready):
            self.device = message.device
            log.info("the worker is ready on %s", message.device)
        elif isinstance(message, Pulse):
            return
        elif isinstance(message, Busy):
            for inbox in self._inboxes.values():
                inbox.put_nowait(message)
        elif message.id in self._inboxes:
            self._inboxes[message.id].put_nowait(message)

    def died(self) -> None:
        self.alive = False
        for inbox in self._inboxes.values():
            inbox.put_nowait(None)


class ProcessWorker(_Inboxes):
    """A worker in its own process."""

    def __init__(self, settings: WorkerSettings) -> None:
        super().__init__()
        self._settings = settings
        self._process: asyncio.subprocess.Process | None = None
        self._listening: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Its process id, once started."""
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """Start the process."""
        paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "engine.worker.main",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            # Threads that wait for each other by spinning take the processor from the bot, and
            # on a machine that is busy a step took up to 15 times as long.
            env={"OMP_WAIT_POLICY": "PASSIVE", **os.environ,
                 "PYTHONPATH": os.pathsep.join(paths)},
            # Ctrl-C in a terminal is for the bot, which then lets the worker save and end.
            start_new_session=True)
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
                    log.error("the worker %d stands still; it is ended", process.pid)
                    self.hung = True
                    with contextlib.suppress(ProcessLookupError):
                        process.kill()
                    break
                self.deliver(message)
                limit = _PULSE_SECONDS
        code = await process.wait()
        level = logging.INFO if code == 0 else logging.ERROR
        log.log(level, "the worker %d ended with %d", process.pid, code)
        self.died()

    def send(self, message: ToWorker) -> None:
        """Write to its pipe, in the background."""
        if self.alive and self._process is not None:
            assert self._process.stdin is not None
            with contextlib.suppress(ConnectionError, RuntimeError):  # closing as we speak
                self._process.stdin.write(frame(message))

    async def kill(self) -> None:
        """End the process at once; it is gone on return."""
        process, listening = self._process, self._listening
        if process is None or listening is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await listening

    async def close(self, seconds: float) -> None:
        """Ask the process to end; kill it after ``seconds``."""
        if self._listening is None:
            return
        self.send(Close())
        await asyncio.wait([self._listening], timeout=seconds)
        await self.kill()


async def _read_frame(pipe: asyncio.StreamReader, seconds: float) -> FromWorker:
    """The next message; raises TimeoutError where nothing comes within ``seconds``."""
    header = await patiently(lambda: pipe.readexactly(HEADER.size), seconds)
    size, = HEADER.unpack(header)
    async with asyncio.timeout(seconds):
        message: FromWorker = pickle.loads(await pipe.readexactly(size))  # noqa: S301  from the process started here
    return message


class InProcessWorker(_Inboxes):
    """The same work in this process, one iteration at a time in a thread: for tests of the bot.

    It loads torch here and shares the interpreter's lock, so it is not for real use.
    """

    def __init__(self, settings: WorkerSettings) -> None:
        super().__init__()
        self._settings = settings
        self._painter: Painter | None = None
        self._told = asyncio.Event()
        self._working: asyncio.Task[None] | None = None
        self._ending = False

    async def start(self) -> None:
        """Start working."""
        from engine.worker.main import Painter

        loop = asyncio.get_running_loop()

        def send(message: FromWorker) -> None:
            loop.call_soon_threadsafe(self.deliver, message)

        self._painter = Painter(self._settings, send)
        self.alive = True
        self._working = spawn(self._work(self._painter), "in-process worker")

    async def _work(self, painter: Painter) -> None:
        try:
            await asyncio.to_thread(painter.start)
            while not self._ending:
                self._told.clear()
                if not await asyncio.to_thread(painter.tick) and not self._ending:
                    await self._told.wait()
        finally:
            self.died()

    def send(self, message: ToWorker) -> None:
        """Tell the painter."""
        if self.alive and self._painter is not None:
            self._ending = self._ending or isinstance(message, Close)
            self._painter.tell(message)
            self._told.set()

    async def kill(self) -> None:
        """End after this iteration: a thread cannot be killed."""
        await self.close(0)

    async def close(self, seconds: float) -> None:
        """End after this iteration, what was begun being saved."""
        if self._working is None or self._painter is None:
            return
        self.send(Close())
        await asyncio.wait([self._working])
        # Reads the Close where the last turn ended before it came: that saves what was begun.
        await asyncio.to_thread(self._painter.tick)
