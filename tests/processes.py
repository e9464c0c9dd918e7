"""Processes that tests start."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def is_running(pid: int) -> bool:
    """Whether a process exists and has not exited."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False
    return state != "Z"  # exited, but not yet reaped


def worker_ids(bot: int | None) -> list[int]:
    """The process ids of the workers that the bot with this process id has started."""
    found = []
    for children in Path(f"/proc/{bot}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += [int(number) for number in children.read_text().split()]
    return [number for number in found if b"engine.worker" in _command_line(number)]


def _command_line(pid: int) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def printed_by(script):
    """Return the lines that a Python script prints in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()
