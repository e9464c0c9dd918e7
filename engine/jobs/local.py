"""The workers of this machine, one for each device."""

from __future__ import annotations

from dataclasses import replace

from engine.jobs.devices import find_devices
from engine.jobs.watched import WatchedWorker
from engine.worker.messages import WorkerSettings
from engine.worker.process import InProcessWorker, ProcessWorker


async def local_workers(
    settings: WorkerSettings, devices: str, *, silence: float, in_process: bool = False
) -> list[WatchedWorker]:
    """A worker for each of ``devices`` (engine.jobs.devices); raises EngineError about wrong ones.

    They share the processor's threads. ``in_process`` runs them in threads of this process, for
    tests.
    """
    names = await find_devices(devices)
    return [
        WatchedWorker(
            replace(settings, device=name, share=len(names)),
            InProcessWorker if in_process else ProcessWorker,
            silence=silence,
            alone=len(names) == 1,
        )
        for name in names
    ]
