"""How much memory is free, on the machine, in its container or on a GPU, and who keeps it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from pathlib import Path

import torch

_ROOT = Path("/")
_UNLIMITED = 1 << 60  # cgroup v1 writes a number near 2**63 for no limit
# mallopt(3): what is asked for from this size on comes from the system and goes back to it at once,
# and so does what is free at the heap's end from this size on (-1: never).
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_MB = 1 << 20


def free_bytes(device: torch.device, root: Path = _ROOT) -> int | None:
    """The bytes that this process can still take on ``device``; None if that cannot be known.

    On a CPU it is what Linux calls available, or less if a cgroup (a container, a systemd unit)
    allows less. Swap does not count. ``root`` is the file system's, for tests.
    """
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return free + cached
    if device.type == "mps":
        used = torch.mps.driver_allocated_memory() - torch.mps.current_allocated_memory()
        return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory() + used
    give_back()
    known = [x for x in (_available(root), *_within_cgroups(root)) if x is not None]
    return min(known, default=None)


def give_back() -> None:
    """Return memory that this process has freed to the system or, of CUDA, to other programs."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # not glibc
            ctypes.CDLL(None).malloc_trim(0)
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def keep_freed(keep: bool) -> None:
    """Whether memory that this process frees on the CPU stays with it until ``give_back``.

    An iteration frees and allocates hundreds of megabytes. By default glibc returns each block of
    32 MB or more to the system, which has to clear and map its pages when they come back: up to a
    quarter of an iteration's time. Kept, it is some 20% more memory at the peak, as gaps remain.
    Nothing is changed elsewhere than with glibc, or if the host has chosen by MALLOC_ variables.
    """
    chosen = any(name.startswith("MALLOC_") for name in os.environ)
    if sys.platform != "linux" or chosen or "glibc.malloc" in os.environ.get("GLIBC_TUNABLES", ""):
        return
    with contextlib.suppress(OSError, AttributeError):  # not glibc
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_THRESHOLD, 1024 * _MB if keep else 32 * _MB)
        mallopt(_TRIM_THRESHOLD, -1 if keep else 64 * _MB)


def _available(root: Path) -> int | None:
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in (root / "proc/meminfo").read_text("ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return None


def _within_cgroups(root: Path) -> list[int]:
    """What each limit on this process's cgroups and their parents leaves."""
    left = []
    try:
        groups = (root / "proc/self/cgroup").read_text("utf-8").splitlines()
    except OSError:
        return []
    for group in groups:
        number, _, rest = group.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            base, names = root / "sys/fs/cgroup", ("memory.max", "memory.current", "")
        elif "memory" in controllers.split(","):
            base = root / "sys/fs/cgroup/memory"
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_")
        else:
            continue
        # In a container the path may be the host's, of which the container only sees the root.
        folder = base / path.strip("/")
        for place in {base, folder, *folder.parents}:
            if place == base or base in place.parents:
                left.append(_left(place, *names))
    return [x for x in left if x is not None]


def _left(folder: Path, limit_name: str, usage_name: str, prefix: str) -> int | None:
    """The limit of one cgroup without what it uses; cached files count as free."""
    with contextlib.suppress(OSError, ValueError):
        limit = int((folder / limit_name).read_text("ascii"))  # "max" is a ValueError
        if limit >= _UNLIMITED:
            return None
        usage = int((folder / usage_name).read_text("ascii"))
        cached = 0
        with contextlib.suppress(OSError, ValueError):
            for line in (folder / "memory.stat").read_text("ascii").splitlines():
                name, _, number = line.partition(" ")
                if name in (f"{prefix}active_file", f"{prefix}inactive_file"):
                    cached += int(number)
        return max(0, limit - usage + cached)
    return None
