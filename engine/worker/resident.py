"""How much memory a process has. Nothing here loads torch."""

from __future__ import annotations

import contextlib
from pathlib import Path


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
