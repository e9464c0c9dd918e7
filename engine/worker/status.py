"""A worker's process, device and memory, for the host. Nothing here loads torch."""

from __future__ import annotations

from dataclasses import dataclass

from engine.worker.process import Worker


@dataclass(frozen=True)
class WorkerStatus:
    """One worker at this moment.

    ``pid`` is None if it paints in the bot's own process or was never started; ``device`` is
    PyTorch's name for it, None while the worker starts; ``model`` is the one it paints with, else
    the preloaded one; ``memory`` is its process's resident memory in bytes, None if the system
    does not tell; ``starts`` counts the processes started so far. While it is ``resting``, no
    process is started, because several died one after the other. ``node`` is the machine that it
    runs on, None for this one.
    """

    alive: bool
    pid: int | None
    device: str | None
    model: str | None
    memory: int | None
    starts: int
    resting: bool = False
    node: str | None = None


def status(worker: Worker | None, model: str | None, starts: int) -> WorkerStatus:
    """The status of ``worker`` (None if none was started); ``model`` as in WorkerStatus."""
    if worker is None:
        return WorkerStatus(False, None, None, model, None, starts)
    return WorkerStatus(
        worker.alive,
        worker.pid,
        worker.device,
        model,
        worker.memory,
        starts,
        node=worker.node,
    )
