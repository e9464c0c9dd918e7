"""Files next to the database: named by checked ids, written in one step, flushed to disk."""

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
    """Pictures, attachments and saved states in ``folder``. Blocks: never for the event loop.

    File names are made only of ids, which are hexadecimal digits; anything else raises StoreError
    before it becomes a path.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pictures_folder = folder / "pictures"
        self.attachments_folder = folder / "attachments"
        self.states_folder = folder / "states"

    def make(self) -> None:
        """Create the folders; raises StoreError if that fails."""
        try:
            for folder in (self.pictures_folder, self.attachments_folder, self.states_folder):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                "The data folder {folder} can't be used: {reason}. Choose another one "
                "or make it writable.",
                folder=self.folder,
                reason=error.strerror,
            ) from None

    def picture(self, id: str) -> Path:
        """The path of the job's picture."""
        return self.pictures_folder / f"{_checked(_JOB, id)}.png"

    def time_lapse(self, id: str) -> Path:
        """The path of the job's time-lapse, until it is posted."""
        return self.pictures_folder / f"{_checked(_JOB, id)}.mp4"

    def attachment(self, sha256: str) -> Path:
        """The path of an attached picture."""
        return self.attachments_folder / _checked(_SHA256, sha256)

    def state(self, id: str) -> Path:
        """The path of the job's saved state."""
        return self.states_folder / f"{_checked(_JOB, id)}.pt"

    def frames(self, id: str) -> Path:
        """The path of the small frames of the job's painting, for its time-lapse."""
        return self.states_folder / f"{_checked(_JOB, id)}.frames"

    def copy_state(self, of: str, to: str) -> bool:
        """Let the job ``to`` start from the state of ``of``; False if that was not kept.

        Both states count as new, so that states in use stay.
        """
        data = read(self.state(of))
        if data is None:
            return False
        frames = read(self.frames(of))
        if frames is not None:
            write(self.frames(to), frames)
        write(self.state(to), data)
        with contextlib.suppress(OSError):
            os.utime(self.state(of))
        return True

    def thin_out_states(self, keep: Iterable[str], at_most: int) -> None:
        """Delete the oldest states until the rest has ``at_most`` bytes; never those of ``keep``.

        One that cannot be deleted does no harm, and is tried again next time.
        """
        self._thin_out("*.pt", keep, at_most)

    def thin_out_frames(self, keep: Iterable[str], at_most: int) -> int:
        """The same for recorded frames; returns how many bytes they take afterwards."""
        return self._thin_out("*.frames", keep, at_most)

    def frames_size(self) -> int:
        """The bytes of all recorded frames."""
        return sum(size for _, size, _ in self._found("*.frames"))

    def _found(self, names: str) -> list[tuple[int, int, Path]]:
        """Time of the last change in ns, bytes and path of the files with such ``names``."""
        found = []
        for path in self.states_folder.glob(names):
            with contextlib.suppress(OSError):  # deleted by another process meanwhile
                status = path.stat()
                found.append((status.st_mtime_ns, status.st_size, path))
        return found

    def _thin_out(self, names: str, keep: Iterable[str], at_most: int) -> int:
        kept, found = set(keep), self._found(names)
        total = sum(size for _, size, _ in found)
        for _, size, path in sorted(found):
            if total <= at_most:
                break
            if path.stem not in kept:
                total -= size
                with contextlib.suppress(OSError):
                    path.unlink()
        return total

    def forget_state(self, id: str) -> None:
        """Delete the job's saved state and its frames."""
        path = self.state(id)
        for file in (path, path.with_suffix(".part")):  # .part is from a killed worker
            with contextlib.suppress(OSError):
                file.unlink()
        self.forget_frames(id)

    def forget_frames(self, id: str) -> None:
        """Delete the job's recorded frames; its time-lapse then paints the picture again."""
        path = self.frames(id)
        for file in (path, path.with_name(f"{path.name}.part")):
            with contextlib.suppress(OSError):
                file.unlink()

    def remove_picture(self, id: str) -> None:
        """Delete the job's picture."""
        _remove(self.picture(id))

    def remove_time_lapse(self, id: str) -> None:
        """Delete the job's time-lapse."""
        _remove(self.time_lapse(id))

    def remove_attachment(self, sha256: str) -> None:
        """Delete an attached picture."""
        _remove(self.attachment(sha256))


def _checked(pattern: re.Pattern[str], id: str) -> str:
    if pattern.fullmatch(id) is None:
        raise StoreError("{id} isn't an ID.", id=repr(id[:80]))
    return id


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(
            "{path} can't be deleted: {reason}.", path=path, reason=error.strerror
        ) from None


def write(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path`` in one step and flush it to disk; raises StoreError."""
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
        raise StoreError(
            "{path} can't be written: {reason}.", path=path, reason=error.strerror
        ) from None


def read(path: Path) -> bytes | None:
    """The bytes of the file ``path``, or None if it does not exist; raises StoreError."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(
            "{path} can't be read: {reason}.", path=path, reason=error.strerror
        ) from None


def sync(path: Path) -> None:
    """Flush a file's bytes or a folder's names to disk; Windows cannot do that for folders."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
