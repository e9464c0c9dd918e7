"""Pictures as files in the data folder."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from data.disk import file_size, folder_size, read, remove, write
from data.pictures.base import Found


class FolderPictures:
    """The folders ``pictures`` and ``attachments`` in ``folder``; see data.pictures.base."""

    shared = False

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __str__(self) -> str:
        return str(self._folder)

    async def open(self, identity: str) -> None:
        """Nothing to check: data.jobs.files makes the folders, and the database is next to them."""

    async def write(self, name: str, data: bytes) -> None:
        """Write the file in one step, and flush it to disk."""
        await asyncio.to_thread(write, self._folder / name, data)

    async def create(self, name: str, data: bytes) -> bytes:
        """Write the file unless it is there."""
        found = await self.read(name)
        if found is None:
            await self.write(name, data)
        return data if found is None else found

    async def read(self, name: str) -> bytes | None:
        """The file's bytes."""
        return await asyncio.to_thread(self.read_in_thread, name)

    def read_in_thread(self, name: str) -> bytes | None:
        """The same, blocking."""
        return read(self._folder / name)

    async def size(self, name: str) -> int | None:
        """The file's size."""
        return await asyncio.to_thread(file_size, self._folder / name)

    async def remove(self, *names: str) -> None:
        """Delete the files."""
        await asyncio.to_thread(self._remove, names)

    def _remove(self, names: tuple[str, ...]) -> None:
        for name in names:
            remove(self._folder / name)

    async def discard(self, name: str) -> int:
        """Delete the file, and return its size."""
        size = await self.size(name) or 0
        await self.remove(name)
        return size

    async def found(self, kind: str) -> AsyncIterator[list[Found]]:
        """All files, also those that a killed process left half written."""
        yield await asyncio.to_thread(self._found, kind)

    def _found(self, kind: str) -> list[Found]:
        found = []
        for path in (self._folder / kind).iterdir():
            with contextlib.suppress(OSError):  # deleted meanwhile
                status = path.stat()
                found.append(Found(f"{kind}/{path.name}", status.st_size, status.st_mtime))
        return found

    async def used(self) -> int:
        """Asked of the file system each time."""
        return await asyncio.to_thread(folder_size, self._folder / "pictures")
