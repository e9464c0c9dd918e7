"""The file that a worker makes of a time-lapse, in a folder of its own."""

from __future__ import annotations

import tempfile
from pathlib import Path

from PIL import Image

from engine.painting.video import TimeLapse


class VideoFile(TimeLapse):
    """A time-lapse of ``iterations`` whose file is deleted by :meth:`close`.

    An mp4, or a WebP if it ``loops``.
    """

    def __init__(self, iterations: int, unit: int = 1, *, loops: bool = False) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="imagine-bot-time-lapse-")
        ending = ".webp" if loops else ".mp4"
        self._path = Path(self._folder.name, f"time-lapse{ending}")
        super().__init__(self._path, ending, iterations, unit)

    def finished(self, last: Image.Image) -> bytes:
        """The bytes of the video, which ends with ``last``."""
        self.finish(last)
        return self._path.read_bytes()

    def close(self) -> None:
        """Delete the file, whether or not it is finished."""
        self.abandon()
        self._folder.cleanup()
