"""What a host may know of a worker: its process, device and memory. Nothing here loads torch."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from engine.worker.process import InProcessWorker, ProcessWorker


@dataclass(frozen=True)
class WorkerStatus:
    """One worker at this moment.

    ``pid`` is None where it paints in the bot's own process, or was never started; ``device`` as
    PyTorch names it, None while the worker is starting; ``model`` is the one being painted with,
    else the one it was told to load first; ``memory`` is what its process holds of the
    machine's, in bytes, None where the system does not say; ``starts`` counts the processes that
    were started so far.
    """

    alive: bool
    pid: int | None
    device: str | None
    model: str | None
    memory: int | None
    starts: int


def status(worker: ProcessWorker | InProcessWorker | None, model: str | None,
           starts: int) -> WorkerStatus:
    """The state of ``worker``, None where none was started yet; ``model`` as above."""
    if worker is None:
        return WorkerStatus(False, None, None, model, None, starts)
    pid = worker.pid if isinstance(worker, ProcessWorker) else None
    memory = resident(pid) if worker.alive else None
    return WorkerStatus(worker.alive, pid, worker.device, model, memory, starts)


def resident(pid: int | None = None) -> int | None:
    """The bytes of memory that a process holds, this one's where ``pid`` is None.

    None where the system does not say (it is read from Linux's /proc) or there is no such
    process.
    """
    file = Path("/proc") / ("self" if pid is None else str(pid)) / "status"
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in file.read_text("ascii", "replace").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    return None
