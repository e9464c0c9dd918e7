"""A worker's process, device and memory, for the host. Nothing here loads torch."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from engine.worker.process import InProcessWorker, ProcessWorker


@dataclass(frozen=True)
class WorkerStatus:
    """One worker at this moment.

    ``pid`` is None if it paints in the bot's own process or was never started; ``device`` is
    PyTorch's name for it, None while the worker starts; ``model`` is the one it paints with, else
    the preloaded one; ``memory`` is its process's resident memory in bytes, None if the system
    does not tell; ``starts`` counts the processes started so far. While it is ``resting``, no
    process is started, because several died one after the other.
    """

    alive: bool
    pid: int | None
    device: str | None
    model: str | None
    memory: int | None
    starts: int
    resting: bool = False


def status(
    worker: ProcessWorker | InProcessWorker | None, model: str | None, starts: int
) -> WorkerStatus:
    """The status of ``worker`` (None if none was started); ``model`` as in WorkerStatus."""
    if worker is None:
        return WorkerStatus(False, None, None, model, None, starts)
    pid = worker.pid if isinstance(worker, ProcessWorker) else None
    memory = resident(pid) if worker.alive else None
    return WorkerStatus(worker.alive, pid, worker.device, model, memory, starts)


def resident(pid: int | None = None) -> int | None:
    """The resident memory of a process in bytes; of this one if ``pid`` is None.

    It is read from Linux's /proc: None on other systems, and for a process that does not exist.
    """
    file = Path("/proc") / ("self" if pid is None else str(pid)) / "status"
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in file.read_text("ascii", "replace").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    return None
