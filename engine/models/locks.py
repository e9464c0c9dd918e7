"""One holder at a time of a file's name, across processes; freed when its holder ends."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO


@contextlib.contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Wait until no other process or thread holds ``path``, an empty file, then hold it.

    The file stays: taken away, two could hold the same name at once. Raises OSError where it
    cannot be made.
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
                # Asking again, not waiting inside: Ctrl-C ends it at once in any thread.
                time.sleep(0.2)

    def _free(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)
