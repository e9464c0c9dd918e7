"""Which processes own jobs, and whether they are still alive.

The owner of a row renews its lease, and loses the row if the lease expires. On the same machine
there is no need to wait for that: each owner holds a lock on a file, which the operating system
releases when the process dies.
"""

from __future__ import annotations

import contextlib
import sys
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from data.errors import StoreError


class Owner:
    """This process as an owner of rows; ``name`` is 32 hexadecimal digits."""

    def __init__(self, folder: Path) -> None:
        self.name = uuid.uuid4().hex
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = self._path(self.name).open("ab")
        except OSError as error:
            raise StoreError(
                "The folder {folder} can't be written: {reason}.",
                folder=folder,
                reason=error.strerror,
            ) from None
        _try_lock(self._file)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.lock"

    def is_alive(self, name: str) -> bool:
        """Whether ``name`` is a living owner of this machine; False also if that is not known."""
        path = self._path(name)
        return name == self.name or (path.exists() and not _is_free(path))

    def dead(self) -> list[str]:
        """The dead owners of this machine; owners elsewhere are known only by their leases."""
        return [
            path.stem
            for path in sorted(self._folder.glob("*.lock"))
            if path.stem != self.name and _is_free(path)
        ]

    def remove_dead(self, names: Iterable[str]) -> None:
        """Delete the lock files of owners whose rows were taken over."""
        for name in names:
            with contextlib.suppress(OSError):
                self._path(name).unlink()

    def close(self) -> None:
        """Release the lock."""
        with contextlib.suppress(OSError):
            self._path(self.name).unlink()
        self._file.close()


def _is_free(path: Path) -> bool:
    try:
        with path.open("r+b") as file:
            return _try_lock(file)
    except OSError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: IO[bytes]) -> bool:
        try:
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _try_lock(file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
