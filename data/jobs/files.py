"""Files beside the database: named by checked ids, written whole, and on disk on return."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable
from pathlib import Path

from data.errors import StoreError

_JOB = re.compile(r"[0-9a-f]{32}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Files:
    """Pictures, attachments and half-painted jobs in ``folder``. Blocks: not for the loop.

    Names are made of nothing but ids, which are hexadecimal digits; anything else raises
    StoreError before a path is made of it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pictures_folder = folder / "pictures"
        self.attachments_folder = folder / "attachments"
        self.states_folder = folder / "states"

    def make(self) -> None:
        """Make the folders; raises StoreError where they cannot be."""
        try:
            for folder in (self.pictures_folder, self.attachments_folder, self.states_folder):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError("The data folder {folder} cannot be used: {reason}; choose another, "
                             "or allow it to be written.", folder=self.folder,
                             reason=error.strerror) from None

    def picture(self, id: str) -> Path:
        """The job's picture."""
        return self.pictures_folder / f"{_checked(_JOB, id)}.png"

    def attachment(self, sha256: str) -> Path:
        """A picture from outside."""
        return self.attachments_folder / _checked(_SHA256, sha256)

    def state(self, id: str) -> Path:
        """What the worker has painted so far."""
        return self.states_folder / f"{_checked(_JOB, id)}.pt"

    def copy_state(self, of: str, to: str) -> bool:
        """Let the job ``to`` begin where ``of`` ended; False where that is not kept.

        The copy's and the original's age count from now: what is used stays.
        """
        data = read(self.state(of))
        if data is None:
            return False
        write(self.state(to), data)
        with contextlib.suppress(OSError):
            os.utime(self.state(of))
        return True

    def thin_out_states(self, keep: Iterable[str], at_most: int) -> None:
        """Remove the oldest states until the rest has ``at_most`` bytes; never those of ``keep``.

        What cannot be removed harms nobody, and is tried again the next time.
        """
        kept = set(keep)
        found = []
        for path in self.states_folder.glob("*.pt"):
            with contextlib.suppress(OSError):  # taken away by another meanwhile
                status = path.stat()
                found.append((status.st_mtime_ns, status.st_size, path))
        total = sum(size for _, size, _ in found)
        for _, size, path in sorted(found):
            if total <= at_most:
                return
            if path.stem not in kept:
                total -= size
                self.forget_state(path.stem)

    def forget_state(self, id: str) -> None:
        """Take away what the job could go on from."""
        path = self.state(id)
        for file in (path, path.with_suffix(".part")):  # the latter of a worker that was killed
            with contextlib.suppress(OSError):
                file.unlink()

    def remove_picture(self, id: str) -> None:
        """Take the job's picture away."""
        _remove(self.picture(id))

    def remove_attachment(self, sha256: str) -> None:
        """Take a picture from outside away."""
        _remove(self.attachment(sha256))


def _checked(pattern: re.Pattern[str], id: str) -> str:
    if pattern.fullmatch(id) is None:
        raise StoreError("{id} is no id.", id=repr(id[:80]))
    return id


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError("{path} cannot be removed: {reason}.", path=path,
                         reason=error.strerror) from None


def write(path: Path, data: bytes) -> None:
    """Put ``data`` at ``path`` in one step, through to the disk; raises StoreError."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        sync(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise StoreError("{path} cannot be written: {reason}.", path=path,
                         reason=error.strerror) from None


def read(path: Path) -> bytes | None:
    """What is at ``path``; None where nothing is."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError("{path} cannot be read: {reason}.", path=path,
                         reason=error.strerror) from None


def sync(path: Path) -> None:
    """Have a file's bytes, or a folder's names, on disk; Windows has no such call for folders."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
