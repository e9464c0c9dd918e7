"""A job's files, on their way between the queue's folder and the machine that paints.

A job's state and recorded frames are files of the queue's machine, so that they outlive any other.
The machine that paints gets copies with the order and sends back what it saved, before the message
that says so.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from engine.worker.messages import JobEvent, Paint, RenderTimeLapse, Saved

Order = Paint | RenderTimeLapse
Kind = Literal["state", "frames"]


@dataclass(frozen=True)
class Packed:
    """An order with the contents of the files that it names; None for those that do not exist."""

    order: Order
    state: bytes | None = field(default=None, repr=False)
    frames: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Piece:
    """A file of a job, or with an ``offset`` above 0 what was appended to the bytes before that."""

    kind: Kind
    offset: int
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class Carried:
    """A message about a job that is true once its ``pieces`` are written."""

    message: Saved | JobEvent
    pieces: tuple[Piece, ...]


def pack(order: Order) -> Packed:
    """``order`` with its files. Reads them: not for the event loop."""
    state = _contents(order.state) if isinstance(order, Paint) else None
    return Packed(order, state, _contents(order.frames))


def _contents(path: str) -> bytes | None:
    with contextlib.suppress(OSError):
        return Path(path).read_bytes() if path else None
    return None


class NodeFiles:
    """The files of the jobs on the machine that paints, in ``folder``. Not for the event loop."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sent: dict[str, _Sent] = {}

    def unpack(self, packed: Packed) -> Order:
        """Write the files, and return the order with their places here."""
        order = packed.order
        folder = self._folder / order.id
        folder.mkdir(parents=True, exist_ok=True)
        state, frames = folder / "state.pt", folder / "frames"
        if packed.state is not None:
            state.write_bytes(packed.state)
        if packed.frames is not None:
            frames.write_bytes(packed.frames)
        named = str(frames) if order.frames else ""
        if isinstance(order, RenderTimeLapse):
            return replace(order, frames=named)
        self._sent[order.id] = _Sent(state, frames if order.frames else None)
        return replace(order, state=str(state), frames=named)

    def pieces(self, id: str, kinds: Iterable[Kind]) -> tuple[Piece, ...]:
        """What is new in the job's files since the last call; nothing of a time-lapse."""
        sent = self._sent.get(id)
        return () if sent is None else tuple(sent.pieces(kinds))

    def remove(self, id: str) -> None:
        """Delete the job's files."""
        self._sent.pop(id, None)
        shutil.rmtree(self._folder / id, ignore_errors=True)


class _Sent:
    """Which part of a job's recorded frames the queue has: bytes and their checksum."""

    def __init__(self, state: Path, frames: Path | None) -> None:
        self._state, self._frames = state, frames
        self._bytes, self._crc = 0, 0

    def pieces(self, kinds: Iterable[Kind]) -> Iterator[Piece]:
        if "state" in kinds and (state := _contents(str(self._state))) is not None:
            yield Piece("state", 0, state)
        if "frames" not in kinds or self._frames is None:
            return
        data = _contents(str(self._frames))
        if data is None:
            return
        # Frames are appended, except when a recording is thinned out, which writes a new file.
        known = self._bytes if zlib.crc32(data[: self._bytes]) == self._crc else 0
        if known == 0 or len(data) > known:
            yield Piece("frames", known, data[known:])
        self._bytes, self._crc = len(data), zlib.crc32(data)


class KeptFiles:
    """The queue's files of one job. Not for the event loop."""

    def __init__(self, order: Paint) -> None:
        self._paths: dict[Kind, Path] = {"state": Path(order.state), "frames": Path(order.frames)}

    def write(self, pieces: Iterable[Piece]) -> None:
        """Write what the machine that paints sent; raises OSError if the state cannot be written.

        Frames are only a shortcut: a recording that cannot be written is deleted.
        """
        for piece in pieces:
            path = self._paths[piece.kind]
            try:
                _append(path, piece) if piece.offset else _replace(path, piece.data)
            except OSError:
                if piece.kind == "state":
                    raise
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)


def _replace(path: Path, data: bytes) -> None:
    temporary = path.with_name(f"{path.name}.part")
    temporary.write_bytes(data)
    os.replace(temporary, path)


def _append(path: Path, piece: Piece) -> None:
    # Not in append mode, which would make a new file if the job was deleted.
    with path.open("r+b") as file:
        if file.seek(0, os.SEEK_END) < piece.offset:
            raise OSError(f"{path} lacks what comes before")
        file.seek(piece.offset)
        file.write(piece.data)
        file.truncate()
