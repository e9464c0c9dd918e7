"""Standard output and standard error, whatever their encoding, and open or not.

A picture takes minutes to paint, so nothing about a terminal or a pipe may end a command: what an
encoding lacks is written as an escape, and a stream that nobody reads any more is given up.
"""

from __future__ import annotations

import codecs
import contextlib
import errno
import io
import json
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO

from engine.errors import EngineError, os_reason

_BROKEN = (errno.EPIPE, errno.ENOSPC, errno.EIO, errno.EBADF)


class OutputError(EngineError):
    """Standard output that can't be written: closed, its reader gone, or its disk full."""


def prepare() -> None:
    """Let both streams write characters that their encoding lacks as escapes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def say(text: str) -> None:
    """Write a line to standard output; raises OutputError."""
    stream: TextIO | None = sys.stdout  # None if it was closed before Python started
    if stream is None:
        raise OutputError("Standard output can't be written: it is closed.")
    try:
        stream.write(f"{text}\n")
        stream.flush()
    except OSError as error:
        give_up(stream)
        raise _output_error(error) from None


def say_json(value: Any) -> None:
    """Write ``value`` to standard output as one line of JSON; raises OutputError."""
    stream: TextIO | None = sys.stdout
    say(json.dumps(value, ensure_ascii=stream is None or not is_unicode(stream.encoding)))


@contextlib.contextmanager
def standard_output() -> Iterator[None]:
    """Raise OutputError if other code, such as the printing of the help, can't write it."""
    stream: TextIO | None = sys.stdout
    try:
        yield
        if stream is not None:
            stream.flush()
    except OSError as error:
        # The engine's own files have names, and its errors are sentences already.
        if stream is None or error.filename is not None or error.errno not in _BROKEN:
            raise
        give_up(stream)
        raise _output_error(error) from None


def _output_error(error: OSError) -> OutputError:
    return OutputError("Standard output can't be written: {reason}.", reason=os_reason(error))


def complain(text: str) -> None:
    """Write a line to standard error, if anyone reads it."""
    stream: TextIO | None = sys.stderr
    if stream is None:
        return
    try:
        stream.write(f"{text}\n")
        stream.flush()
    except OSError:
        give_up(stream)


def is_unicode(encoding: str | None) -> bool:
    """Whether ``encoding`` has all characters."""
    try:
        return encoding is not None and codecs.lookup(encoding).name.startswith("utf")
    except LookupError:
        return False


def give_up(stream: TextIO) -> None:
    """Send the rest to nowhere, so that flushing it when Python ends doesn't fail again."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


class Unbroken(io.TextIOBase):
    """A stream whose errors are ignored, for progress that nobody has to read."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @property
    def encoding(self) -> str:  # type: ignore[override]  # TextIOBase's is an attribute
        """The stream's encoding."""
        return self._stream.encoding

    def write(self, text: str) -> int:
        """Write ``text``, or give the stream up."""
        try:
            return self._stream.write(text)
        except OSError:
            give_up(self._stream)
            return len(text)

    def flush(self) -> None:
        """Flush the stream, or give it up."""
        try:
            self._stream.flush()
        except OSError:
            give_up(self._stream)

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """The stream's descriptor."""
        return self._stream.fileno()
