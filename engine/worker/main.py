"""The process that owns a device, keeps models loaded and paints; it reads its standard input.

engine.worker.process starts it as ``python -m engine.worker``; it is not for use by hand. It exits
when the pipe closes, even during an iteration, so a killed bot leaves no process behind that holds
the device.
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
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO

import torch

from engine.errors import EngineError, OutOfMemoryError
from engine.events import Failed
from engine.fused import choosing
from engine.models import Models, choose_device, load_catalogue, load_models
from engine.models.memory import is_lost_device, is_memory_error
from engine.painting.batch import shape_of, step_together
from engine.painting.graphs import registry
from engine.painting.iterate import Iterate
from engine.request.request import request_from_json
from engine.worker.describe_job import DescribeJob
from engine.worker.failures import DEVICE_LOST, OUT_OF_MEMORY, unexpected_error
from engine.worker.frames import read_recording
from engine.worker.jobs import PaintJob
from engine.worker.messages import (
    HEADER,
    Busy,
    Cancel,
    Close,
    Describe,
    FromWorker,
    Heartbeat,
    JobEvent,
    Loaded,
    Logged,
    Paint,
    Ready,
    RenderTimeLapse,
    Slots,
    SteerJob,
    Stop,
    ToWorker,
    WorkerSettings,
    frame,
)
from engine.worker.recorded_videos import RecordedVideoJob
from engine.worker.time_lapses import TimeLapseJob
from engine.worker.turns import Turns
from engine.worker.unchanged_job import UnchangedJob
from engine.worker.worker_job import WorkerJob

_HEARTBEAT_EVERY = 1.0  # seconds


class ReplaceMeError(Exception):
    """This process can no longer use the device, or has no memory left; a new one may.

    ``code`` is the exit code that says so.
    """

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code


class JobLoop:
    """Steps jobs in turn; messages tell it which, and it answers through ``send``.

    :meth:`post` may be called from any thread, everything else only from one.
    """

    def __init__(self, settings: WorkerSettings, send: Callable[[FromWorker], None]) -> None:
        self.settings = settings
        self._send = send
        self._inbox: queue.SimpleQueue[ToWorker] = queue.SimpleQueue()
        self._models: OrderedDict[str, Models] = OrderedDict()
        self._jobs: list[WorkerJob] = []
        self._turns = Turns(settings.slots or 1, settings.check_memory)
        self._slots = self._turns.slots
        self._closing = False

    def start(self) -> None:
        """Choose the device and preload the model."""
        if not self.settings.cuda_graphs:
            registry.turn_off()
        if not self.settings.triton_kernels:
            choosing.turn_off()
        threads, share = self.settings.threads or torch.get_num_threads(), self.settings.share
        if self.settings.threads is not None or share > 1:
            torch.set_num_threads(max(1, threads // share))
        try:
            device = str(chosen := choose_device(self.settings.device))
            if self.settings.slots is None and chosen.type == "cuda":
                self._turns = Turns(None, self.settings.check_memory)
            if self.settings.preload is not None:
                self._load(self.settings.preload)
        except EngineError as error:
            # Jobs that need it will fail with this error; others can still be painted.
            self._send(Logged("", logging.WARNING, str(error)))
            device = "none"
        self._send(Ready(device))

    def post(self, message: ToWorker) -> None:
        """Queue a message, to be read between two iterations."""
        self._inbox.put(message)

    def run(self) -> None:
        """Work until a Close message."""
        while not self._closing:
            if not self.tick():
                self._read(self._inbox.get())

    def tick(self) -> bool:
        """Read all messages, then do one iteration of one job, or of several of one shape.

        False if there is no job.
        """
        while not self._closing:
            try:
                self._read(self._inbox.get_nowait())
            except queue.Empty:
                break
        if self._closing:
            return False
        self._remove([job for job in self._jobs if job.asked and job.started and self._steer(job)])
        if not self._jobs:
            return False
        chosen = self._turns.next(self._jobs)
        over = self._advance_together(chosen) if len(chosen) > 1 else self._advance_one(chosen[0])
        self._remove(over)
        self._report_slots()
        return True

    def _remove(self, over: Sequence[WorkerJob]) -> None:
        for job in over:
            job.close()
            self._jobs.remove(job)

    def _steer(self, job: WorkerJob) -> bool:
        return self._ends(job, job.take_steering)

    def _report_slots(self) -> None:
        if self._turns.slots != self._slots:
            self._slots = self._turns.slots
            self._send(Slots(self._slots))

    def _picture_job(self, order: Paint) -> PaintJob | UnchangedJob:
        request = request_from_json(order.request)
        if request.changes_nothing:
            return UnchangedJob(order, request, self._send)
        return PaintJob(order, self.settings, self._send)

    def _time_lapse_job(self, order: RenderTimeLapse) -> TimeLapseJob | RecordedVideoJob:
        recording = read_recording(Path(order.frames)) if order.frames else None
        if recording is None or not recording.is_complete(order.iterations):
            return TimeLapseJob(order, self.settings, self._send)
        return RecordedVideoJob(order, recording, self._send)

    def _read(self, message: ToWorker) -> None:
        match message:
            case Paint():
                with self._failing(message.id):
                    self._jobs.append(self._picture_job(message))
            case RenderTimeLapse():
                with self._failing(message.id):
                    self._jobs.append(self._time_lapse_job(message))
            case Describe():
                with self._failing(message.id):
                    self._jobs.append(DescribeJob(message, self._send))
            case Stop() | Cancel():
                for job in self._jobs:
                    if job.id == message.id:
                        job.interrupt = "stop" if isinstance(message, Stop) else "cancel"
            case SteerJob():
                for job in self._jobs:
                    if job.id == message.id:
                        job.asked[message.key] = message.change
            case Close():
                self._closing = True
                for job in self._jobs:
                    job.save()
                    job.close()
            case WorkerSettings():
                raise AssertionError("settings come once, as the first message")

    @contextlib.contextmanager
    def _failing(self, id: str) -> Iterator[None]:
        """Make an EngineError the ending of the job ``id``."""
        try:
            yield
        except EngineError as error:
            self._send(JobEvent(id, Failed(error.message)))

    def _advance_one(self, job: WorkerJob) -> list[WorkerJob]:
        """Do one iteration of ``job``; returns it if it is over."""
        if not isinstance(job, PaintJob) or (painting := job.due()) is None:
            return [job] if self._ends(job, partial(self._advance, job)) else []
        shape, began = shape_of(painting), time.perf_counter()
        over = self._ends(job, partial(self._advance, job))
        self._turns.took(shape, 1, time.perf_counter() - began)
        return [job] if over else []

    def _advance_together(self, jobs: Sequence[WorkerJob]) -> list[WorkerJob]:
        """Do one iteration of jobs of one shape; returns those that are over."""
        painted = [job for job in jobs if isinstance(job, PaintJob)]
        paintings = [painting for job in painted if (painting := job.due()) is not None]
        shape, width, began = shape_of(paintings[0]), len(paintings), time.perf_counter()

        def failed(error: Exception) -> None:
            memory = is_memory_error(error)
            text = f"{width} jobs could not be stepped together: {error}"
            self._send(Logged("", logging.INFO if memory else logging.WARNING, text))
            self._send(Busy())  # now one after the other
            self._turns.failed(shape, width, memory=memory)

        outcomes: list[Iterate | Exception]
        try:
            outcomes = step_together(paintings, failed)
        except Exception as error:  # noqa: BLE001  they could not be restored: a lost device
            outcomes = [error] * width
        self._turns.took(shape, width, time.perf_counter() - began)

        def take(job: PaintJob, outcome: Iterate | Exception) -> bool:
            if isinstance(outcome, Exception):
                raise outcome
            job.stepped(outcome)
            return False

        return [
            job
            for job, outcome in zip(painted, outcomes, strict=True)
            if self._ends(job, partial(take, job, outcome))
        ]

    def _advance(self, job: WorkerJob) -> bool:
        if not job.started:
            if len(self._jobs) > 1:
                self._send(Busy())  # the others wait longer than for an iteration
            self._start(job)
        return job.advance()

    def _ends(self, job: WorkerJob, advance: Callable[[], bool]) -> bool:
        """Whether ``job`` is over after ``advance``. Its errors do not stop other jobs."""
        try:
            with self._failing(job.id):
                return advance()
        except Exception as error:
            # Broad on purpose: an error in one job must not stop the worker.
            if is_memory_error(error):  # a new process has more, and no other models loaded
                text = f"memory ran out in job {job.id}: {error}"
                self._save_others(job)
                raise ReplaceMeError(text, OUT_OF_MEMORY) from error
            if is_lost_device(error):
                text = f"the device was lost in job {job.id}: {error}"
                raise ReplaceMeError(text, DEVICE_LOST) from error
            reference, ending = unexpected_error()
            trace = "".join(traceback.format_exception(error))
            self._send(Logged(job.id, logging.ERROR, f"reference {reference}\n{trace}"))
            self._send(JobEvent(job.id, ending))
        return True

    def _save_others(self, job: WorkerJob) -> None:
        for other in self._jobs:
            if other is not job:
                with contextlib.suppress(MemoryError):
                    other.save()

    def _start(self, job: WorkerJob) -> None:
        """Set ``job`` up; if it does not fit into memory, try without the other models."""
        load = partial(self._load, job.request.networks)
        try:
            job.start(load)
        except OutOfMemoryError:
            if len(self._models) == 1:
                raise
            self._models = OrderedDict({job.request.networks: load()})
            job.start(load)

    def _load(self, name: str) -> Models:
        models = self._models.get(name)
        if models is None:
            started, catalogue = time.monotonic(), load_catalogue()
            entry = catalogue.model(name)
            loaded = [
                (part, network)
                for kept in self._models.values()
                for part, network in kept.parts
                if part in entry.parts
            ]
            # An ensemble takes the memory of as many models as it has perceptors.
            room = self.settings.keep_models - len(entry.guides)
            while self._models and sum(map(_count, self._models.values())) > room:
                self._models.popitem(last=False)
            models = self._models[name] = load_models(
                name,
                device=self.settings.device,
                precision=self.settings.precision,
                catalogue=catalogue,
                loaded=loaded,
            )
            self._send(Loaded(name, time.monotonic() - started, tuple(self._models)))
        self._models.move_to_end(name)
        return models


def _count(models: Models) -> int:
    return len(models.perceptor.members)


def _read_frame(pipe: BinaryIO) -> ToWorker | None:
    """The next message; None if the other end is gone."""
    header = pipe.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    (size,) = HEADER.unpack(header)
    body = pipe.read(size)
    if len(body) < size:
        return None
    message: ToWorker = pickle.loads(body)  # noqa: S301  from the bot that started this process
    return message


def _die_with_the_bot() -> None:
    """Ask Linux to kill this process when the bot dies, since a stuck one reads no closed pipe."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def main() -> int:
    """Serve the process at the other end of standard input and output; the exit code."""
    # Packages print to stdout now and then, which must not get between the frames.
    outgoing = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    incoming = sys.stdin.buffer
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _die_with_the_bot()
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
    loop = JobLoop(settings, send)

    def listen() -> None:
        while (message := _read_frame(incoming)) is not None:
            loop.post(message)
        os._exit(0)

    def beat() -> None:
        with contextlib.suppress(OSError):  # the bot is gone; the other thread ends the process
            while True:
                send(Heartbeat())
                time.sleep(_HEARTBEAT_EVERY)

    threading.Thread(target=listen, daemon=True, name="pipe").start()
    threading.Thread(target=beat, daemon=True, name="heartbeat").start()
    try:
        loop.start()
        loop.run()
    except BrokenPipeError:
        return 0
    except ReplaceMeError as error:
        send(Logged("", logging.ERROR, str(error)))
        return error.code
    return 0
