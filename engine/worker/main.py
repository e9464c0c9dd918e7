"""The process that owns a device, keeps models loaded and paints; fed over its standard input.

Run as ``python -m engine.worker.main`` by engine.worker.process, never by hand. It ends by itself
when the pipe closes, in the middle of an iteration too: a bot that was killed leaves nobody
behind who holds the device.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import pickle
import queue
import signal
import sys
import threading
import time
import traceback
import uuid
from collections import OrderedDict
from collections.abc import Callable
from typing import BinaryIO

import torch

from engine.errors import EngineError
from engine.models import Models, choose_device, load_models
from engine.models.memory import is_memory_error
from engine.translatable import Translatable
from engine.worker.jobs import FilmJob, PaintJob, WorkerJob
from engine.worker.messages import (
    HEADER,
    Busy,
    Cancel,
    Close,
    Film,
    FromWorker,
    Logged,
    Paint,
    Pulse,
    Ready,
    Refused,
    Stop,
    ToWorker,
    WorkerSettings,
    frame,
)

# A film gets one iteration for so many of pictures, when both wait: it is a second look at what
# is there already, but whoever asked for it shall see it some day.
_PICTURES_FIRST = 4
# sysexits.h: a temporary failure; try again. What a full device or a broken context ends in.
DEVICE_LOST = 75
_PULSE_EVERY = 1.0  # seconds


class DeviceLostError(Exception):
    """The device cannot be used by this process any more, or has no memory left."""


class Painter:
    """Does jobs in turns, as told by messages; what it has to say goes to ``send``.

    :meth:`tell` may be called from any thread; everything else from one.
    """

    def __init__(self, settings: WorkerSettings, send: Callable[[FromWorker], None]) -> None:
        self.settings = settings
        self._send = send
        self._inbox: queue.SimpleQueue[ToWorker] = queue.SimpleQueue()
        self._models: OrderedDict[str, Models] = OrderedDict()
        self._pictures: list[PaintJob] = []
        self._films: list[FilmJob] = []
        self._turns = 0
        self._closing = False

    def start(self) -> None:
        """Take the device and load the model that is asked for first."""
        if self.settings.threads is not None:
            torch.set_num_threads(self.settings.threads)
        try:
            device = str(choose_device(self.settings.device))
            if self.settings.preload is not None:
                self._load(self.settings.preload)
        except EngineError as error:
            # Each job that needs it will be told; the others may be painted.
            self._send(Logged("", logging.WARNING, str(error)))
            device = "none"
        self._send(Ready(device))

    def tell(self, message: ToWorker) -> None:
        """Hand over a message; it is read between two iterations."""
        self._inbox.put(message)

    def run(self) -> None:
        """Work until told to close."""
        while not self._closing:
            if not self.tick():
                self._read(self._inbox.get())

    def tick(self) -> bool:
        """Read what was told, then do one iteration of one job; False where there is none."""
        while not self._closing:
            try:
                self._read(self._inbox.get_nowait())
            except queue.Empty:
                break
        job = None if self._closing else self._next()
        if job is None:
            return False
        if self._guarded(job):
            job.end()
            if isinstance(job, PaintJob):
                self._pictures.remove(job)
            elif isinstance(job, FilmJob):
                self._films.remove(job)
        return True

    def _next(self) -> WorkerJob | None:
        """The job whose turn it is. Pictures come one after the other."""
        if self._films and (not self._pictures or self._turns >= _PICTURES_FIRST):
            self._turns = 0
            return self._films[0]
        self._turns += 1
        return self._pictures[0] if self._pictures else None

    def _read(self, message: ToWorker) -> None:
        match message:
            case Paint():
                self._take(message.id, lambda: self._pictures.append(
                    PaintJob(message, self.settings, self._send)))
            case Film():
                self._take(message.id, lambda: self._films.append(
                    FilmJob(message, self.settings, self._send)))
            case Stop() | Cancel():
                for job in self._pictures:
                    if job.id == message.id:
                        job.wish = "stop" if isinstance(message, Stop) else "cancel"
            case Close():
                self._closing = True
                for job in self._pictures:
                    job.save()
            case WorkerSettings():
                raise AssertionError("settings come first, and once")

    def _take(self, id: str, take: Callable[[], None]) -> None:
        try:
            take()
        except EngineError as error:
            self._send(Refused(id, error.message))

    def _guarded(self, job: WorkerJob) -> bool:
        """One turn at ``job``; whether it is over. Nothing that it raises stops the others."""
        try:
            if not job.begun:
                if len(self._pictures) + len(self._films) > 1:
                    self._send(Busy())  # the others wait longer than for an iteration
                job.begin(self._load(job.request.model))
            return job.advance()
        except EngineError as error:
            self._send(Refused(job.id, error.message))
        except Exception as error:
            # The one place where anything may have gone wrong: of a job, not of the worker.
            if is_memory_error(error):  # a new process has more, and no other models loaded
                raise DeviceLostError(f"job {job.id}: out of memory: {error}") from error
            if _is_device_error(error):
                raise DeviceLostError(f"job {job.id}: {error}") from error
            reference = uuid.uuid4().hex[:8]
            self._send(Logged(job.id, logging.ERROR,
                              f"reference {reference}\n{traceback.format_exc()}"))
            self._send(Refused(job.id, Translatable("Something went wrong here while this was "
                                                    "painted, and it was noted; ask whoever runs "
                                                    "the bot, and name the reference {reference}.",
                                                    reference=reference)))
        return True

    def _load(self, name: str) -> Models:
        models = self._models.get(name)
        if models is None:
            while len(self._models) >= self.settings.keep_models:
                self._models.popitem(last=False)
            models = self._models[name] = load_models(name, device=self.settings.device)
        self._models.move_to_end(name)
        return models


def _is_device_error(error: Exception) -> bool:
    """Whether CUDA's context is gone with ``error``, after which every call fails."""
    kind = getattr(torch, "AcceleratorError", None)  # PyTorch 2.8 and later
    if kind is not None and isinstance(error, kind):
        return True
    return isinstance(error, RuntimeError) and "CUDA error" in str(error)


def _read_frame(pipe: BinaryIO) -> ToWorker | None:
    """The next message; None where the other end is gone."""
    header = pipe.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    size, = HEADER.unpack(header)
    body = pipe.read(size)
    if len(body) < size:
        return None
    message: ToWorker = pickle.loads(body)  # noqa: S301  from the bot that started this process
    return message


def _end_with_the_bot() -> None:
    """Have Linux kill this process when the bot dies: one that stands still hears no pipe close."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def main() -> int:
    """Serve the process at the other end of standard input and output."""
    # What is printed by packages must not get between the frames.
    outgoing = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    incoming = sys.stdin.buffer
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _end_with_the_bot()
    if sys.platform != "win32":
        os.nice(5)  # the bot's event loop comes first
    writing = threading.Lock()

    def send(message: FromWorker) -> None:
        with writing:
            outgoing.write(frame(message))
            outgoing.flush()

    settings = _read_frame(incoming)
    if settings is None:
        return 0
    assert isinstance(settings, WorkerSettings)
    painter = Painter(settings, send)

    def listen() -> None:
        while (message := _read_frame(incoming)) is not None:
            painter.tell(message)
        os._exit(0)

    def beat() -> None:
        with contextlib.suppress(OSError):  # the bot is gone; the other thread ends all
            while True:
                send(Pulse())
                time.sleep(_PULSE_EVERY)

    threading.Thread(target=listen, daemon=True, name="pipe").start()
    threading.Thread(target=beat, daemon=True, name="pulse").start()
    try:
        painter.start()
        painter.run()
    except BrokenPipeError:
        return 0
    except DeviceLostError as error:
        send(Logged("", logging.ERROR, f"the device was lost: {error}"))
        return DEVICE_LOST
    return 0


if __name__ == "__main__":
    _status = 1
    try:
        _status = main()
    finally:
        if _status == 1:
            traceback.print_exc()
        # No clean-up: the listening thread sits in a read that only the bot could end.
        os._exit(_status)
