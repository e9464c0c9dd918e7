"""Files on disk: written in one step and flushed, read and deleted with a sentence on errors."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from data.errors import StoreError


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


def remove(path: Path) -> None:
    """Delete the file ``path``; nothing if it does not exist. Raises StoreError."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(
            "{path} can't be deleted: {reason}.", path=path, reason=error.strerror
        ) from None


def file_size(path: Path) -> int | None:
    """The bytes of the file ``path``; None if it does not exist, or was deleted meanwhile."""
    try:
        return path.stat().st_size
    except OSError:
        return None


def folder_size(folder: Path) -> int:
    """The bytes of the files in ``folder``, without subfolders. Blocks. Raises StoreError."""
    try:
        with os.scandir(folder) as entries:
            return sum(
                file_size(Path(entry.path)) or 0
                for entry in entries
                if entry.is_file(follow_symlinks=False)
            )
    except OSError as error:
        raise StoreError(
            "The folder {folder} can't be read: {reason}.", folder=folder, reason=error.strerror
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
