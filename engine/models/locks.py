"""A lock on a file, across processes; it is released when its holder ends."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO


@contextlib.contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Wait until no other process or thread holds the lock ``path``, an empty file; then hold it.

    The file is not deleted, since two processes could then hold locks on the same name. Raises
    OSError if it cannot be created.
    """
    with path.open("ab") as file:
        _hold(file)
        try:
            yield
        finally:
            _free(file)


if sys.platform == "win32":
    import msvcrt

    def _hold(file: IO[bytes]) -> None:
        while True:
            try:
                file.seek(0)
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
                return
            except OSError:
                time.sleep(0.2)

    def _free(file: IO[bytes]) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)
else:
    import fcntl

    def _hold(file: IO[bytes]) -> None:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                # Polled, because a blocking call would ignore Ctrl-C in other threads.
                time.sleep(0.2)

    def _free(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)
