"""The mp4 that a worker makes of a time-lapse, in a folder of its own."""

from __future__ import annotations

import tempfile
from pathlib import Path

from PIL import Image

from engine.painting.video import TimeLapse


class VideoFile(TimeLapse):
    """A time-lapse of ``iterations`` whose file is deleted by :meth:`close`."""

    def __init__(self, iterations: int) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="imagine-bot-time-lapse-")
        self._path = Path(self._folder.name, "time-lapse.mp4")
        super().__init__(self._path, ".mp4", iterations)

    def finished(self, last: Image.Image) -> bytes:
        """The bytes of the video, which ends with ``last``."""
        self.finish(last)
        return self._path.read_bytes()

    def close(self) -> None:
        """Delete the file, whether or not it is finished."""
        self.abandon()
        self._folder.cleanup()
