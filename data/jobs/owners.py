"""Which processes work on jobs, and whether they still do.

A row's owner renews a lease; who lets it run out has lost the row. On one machine nobody needs
to wait for that: each owner holds a lock on a file, which the system frees when it dies.
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
            raise StoreError("The folder {folder} cannot be written: {reason}.", folder=folder,
                             reason=error.strerror) from None
        _try_lock(self._file)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.lock"

    def dead(self) -> list[str]:
        """The owners of this machine that are gone; of those elsewhere only a lease can tell."""
        return [path.stem for path in sorted(self._folder.glob("*.lock"))
                if path.stem != self.name and _is_free(path)]

    def forget(self, names: Iterable[str]) -> None:
        """Their rows are taken over: their files are not needed any more."""
        for name in names:
            with contextlib.suppress(OSError):
                self._path(name).unlink()

    def close(self) -> None:
        """Own nothing any more."""
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
