"""The memory that a loop needs, in a process of its own."""

from __future__ import annotations

from pathlib import Path

import torch

from bench.timing.apart import run_apart
from bench.timing.subjects import Work, loop


def peak_mb(work: Work, which: str, iterations: int = 2) -> int:
    """MB of a new process that loads the loop ``which`` and steps it: resident, or the GPU's."""
    return run_apart(_peak, work, which, iterations)


def _peak(work: Work, which: str, iterations: int) -> int:
    work.use_threads()
    step = loop(work, which)
    for _ in range(iterations):
        step()
    if work.device.startswith("cuda"):
        return round(torch.cuda.max_memory_allocated(work.device) / 1e6)
    return round(resident("VmHWM") / 1e6)


def resident(name: str) -> int:
    """Bytes of this process's memory: "VmRSS" now, "VmHWM" at most. 0 outside Linux."""
    status = Path("/proc/self/status")
    for line in status.read_text("utf-8").splitlines() if status.exists() else ():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    return 0
