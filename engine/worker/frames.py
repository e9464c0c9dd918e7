"""Small frames of a painting in a file, so that its time-lapse needs no second painting.

The file is a header (magic, step, width and height of the painting) and one record for each frame:
iteration, whether it is the finished picture, and length; then a JPEG, or a PNG of the finished
picture; then the CRC-32 of all that. A record that a crash cut off is ignored.
"""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

MAX_FRAMES = 120
MAX_BYTES = 6_000_000  # the finished picture comes on top, with less than 1 MB
MAX_SIDE = 512  # pixels
_QUALITY = 80
_HEADER = struct.Struct("<8sIII")
_RECORD = struct.Struct("<III")
_CRC = struct.Struct("<I")
_MAGIC = b"IMGFRMS1"


@dataclass(frozen=True)
class Frame:
    """The picture at ``iteration`` as an encoded file; ``is_last`` if it is the finished one."""

    iteration: int
    data: bytes
    is_last: bool = False

    def opened(self) -> Image.Image:
        """The picture in RGB."""
        with Image.open(io.BytesIO(self.data)) as image:
            return image.convert("RGB")


@dataclass(frozen=True)
class Recording:
    """Every ``step``-th iterate of a painting of ``width`` x ``height`` px, in order.

    The frames have at most MAX_SIDE px per side.
    """

    step: int
    width: int
    height: int
    frames: tuple[Frame, ...] = ()

    def is_complete(self, iterations: int) -> bool:
        """Whether it shows all of a painting that was finished after ``iterations``."""
        before = self.until(iterations)
        last = Frame(iterations, b"", is_last=True)
        return (
            before.has_all(iterations)
            and len(self.frames) == len(before.frames) + 1
            and replace(self.frames[-1], data=b"") == last
        )

    def has_all(self, iteration: int) -> bool:
        """Whether it has each frame before ``iteration`` that its step asks for."""
        return [each.iteration for each in self.frames] == list(range(0, iteration, self.step))

    def until(self, iteration: int, step: int = 1) -> Recording:
        """Only the frames before ``iteration``, and only multiples of ``step``."""
        step = max(step, self.step)
        kept = (
            each
            for each in self.frames
            if not each.is_last and each.iteration < iteration and each.iteration % step == 0
        )
        return replace(self, step=step, frames=tuple(kept))


def read_recording(path: Path) -> Recording | None:
    """What the file has, without what a crash cut off; None if it cannot be used."""
    try:
        data = path.read_bytes()
        magic, step, width, height = _HEADER.unpack_from(data)
    except (OSError, struct.error):
        return None
    if magic != _MAGIC or step < 1:
        return None
    frames, at = [], _HEADER.size
    while at + _RECORD.size + _CRC.size <= len(data):
        iteration, is_last, length = _RECORD.unpack_from(data, at)
        end = at + _RECORD.size + length
        crc = data[end : end + _CRC.size]
        if crc != _CRC.pack(zlib.crc32(data[at:end])):
            break
        frames.append(Frame(iteration, data[at + _RECORD.size : end], bool(is_last)))
        at = end + _CRC.size
    return Recording(step, width, height, tuple(frames))


class Recorder:
    """Records a painting of ``iterations`` and ``size`` (width, height) to ``path``.

    The file has at most MAX_FRAMES frames in MAX_BYTES. The step between frames is ``unit`` times
    a power of two, so that a recording that goes on for more iterations only has to drop frames.
    ``recording`` turns False once the file cannot be written or lacks frames; there is no file
    then. A recording is only a shortcut, so nothing here raises an error of the disk; ``problem``
    says what it was.
    """

    def __init__(self, path: Path, iterations: int, size: tuple[int, int], unit: int = 1) -> None:
        self.recording = True
        self.problem = ""
        self._path = path
        self._size = size
        self._step = unit
        while iterations / self._step > MAX_FRAMES:
            self._step *= 2
        self._newest = -1
        self._bytes = 0

    def resume(self, iteration: int) -> None:
        """Keep the frames before ``iteration``, the next one to be painted."""
        found = read_recording(self._path) if iteration else None
        if found is None:
            found = Recording(self._step, *self._size)
        kept = found.until(iteration, self._step)
        if kept.has_all(iteration):
            self._write(kept)
        else:
            self._give_up("")

    def wants(self, iteration: int) -> bool:
        """Whether the iterate with this number is one of the frames."""
        return self.recording and iteration % self._step == 0

    def add(self, iteration: int, image: Image.Image) -> None:
        """Append the iterate; later ones, of before a step back, are dropped."""
        data = _encoded(image, "JPEG", quality=_QUALITY)
        self._append(Frame(iteration, data))
        while self.recording and self._bytes > MAX_BYTES:
            found = read_recording(self._path)
            if found is None or len(found.frames) < 2:
                self._give_up("")
            else:
                self._write(found.until(iteration + 1, 2 * self._step))

    def finish(self, iteration: int, image: Image.Image) -> None:
        """Append the finished picture as a PNG, which loses nothing but size above MAX_SIDE."""
        if self.recording:
            self._append(Frame(iteration, _encoded(image, "PNG", compress_level=1), is_last=True))

    def _append(self, frame: Frame) -> None:
        if frame.iteration <= self._newest:
            self.resume(frame.iteration)
        if not self.recording:
            return
        record = _record(frame)
        try:
            # Not in append mode, which would make a new file if the job was deleted.
            with self._path.open("r+b") as file:
                file.seek(self._bytes)
                file.write(record)
                file.truncate()
        except OSError as error:
            self._give_up(str(error))
            return
        self._newest = frame.iteration
        self._bytes += len(record)

    def _write(self, recording: Recording) -> None:
        self._step = recording.step
        data = b"".join(_file(recording))
        temporary = self._path.with_name(f"{self._path.name}.part")
        try:
            temporary.write_bytes(data)
            os.replace(temporary, self._path)
        except OSError as error:
            self._give_up(str(error))
            return
        self._newest = recording.frames[-1].iteration if recording.frames else -1
        self._bytes = len(data)

    def _give_up(self, problem: str) -> None:
        self.recording, self.problem = False, problem
        for path in (self._path, self._path.with_name(f"{self._path.name}.part")):
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                self.problem = self.problem or str(error)


def _encoded(image: Image.Image, kind: str, **options: int) -> bytes:
    small = image.convert("RGB")
    small.thumbnail((MAX_SIDE, MAX_SIDE))
    file = io.BytesIO()
    small.save(file, kind, **options)
    return file.getvalue()


def _file(recording: Recording) -> Iterable[bytes]:
    yield _HEADER.pack(_MAGIC, recording.step, recording.width, recording.height)
    yield from map(_record, recording.frames)


def _record(frame: Frame) -> bytes:
    record = _RECORD.pack(frame.iteration, frame.is_last, len(frame.data)) + frame.data
    return record + _CRC.pack(zlib.crc32(record))
