"""Files next to the database, named by checked ids: saved states, and the folders of pictures."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from data.disk import read, write
from data.errors import StoreError
from data.pictures.names import attachment_name, job_id, picture_name, time_lapse_name


class Files:
    """The data folder ``folder``, and the saved states in it. Blocks: never for the event loop.

    File names are made only of ids, which are hexadecimal digits; anything else raises StoreError
    before it becomes a path. Pictures are read and written by data.pictures.
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
        return self.folder / picture_name(id)

    def time_lapse(self, id: str) -> Path:
        """The path of the job's time-lapse, until it is posted."""
        return self.folder / time_lapse_name(id)

    def attachment(self, sha256: str) -> Path:
        """The path of an attached picture."""
        return self.folder / attachment_name(sha256)

    def state(self, id: str) -> Path:
        """The path of the job's saved state."""
        return self.states_folder / f"{job_id(id)}.pt"

    def frames(self, id: str) -> Path:
        """The path of the small frames of the job's painting, for its time-lapse."""
        return self.states_folder / f"{job_id(id)}.frames"

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
