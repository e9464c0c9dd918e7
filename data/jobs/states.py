"""Saved states where every machine reaches them, so that a job continues anywhere from the last.

A worker saves its job's state in the data folder of its machine. If pictures are in a bucket, there
are copies of the states, too. Which folder has the newest state is in the job's row
(``painted_in``); any other folder's is replaced by the copy.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import uuid
from pathlib import Path

from data.database import Database, Transaction
from data.disk import file_size, read, write
from data.errors import StoreError
from data.jobs.files import Files
from data.jobs.owners import Owner
from data.jobs.stored import UNFINISHED, in_states
from data.pictures.base import Found, Pictures
from data.pictures.names import state_name
from engine.tasks import spawn

log = logging.getLogger("data.jobs.states")

COPY_SECONDS = 15.0
"""The least time between two copies of a job's state: what a lost machine costs at most."""

# Of all finished jobs together, so that they can be continued.
COPIES_BYTES = 10 << 30
_CLOSE_SECONDS = 5.0


class States:
    """The saved states of ``files``, and their copies in ``pictures`` if machines share that.

    Every method that is awaited raises StoreError if the database, a file or the place of the
    copies cannot be used; UnavailableError if it is worth trying again.
    """

    def __init__(self, database: Database, files: Files, pictures: Pictures, owner: Owner) -> None:
        self._database = database
        self._files = files
        self._pictures = pictures
        self._owner = owner
        self._copied: dict[str, float] = {}
        self._copying: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()
        self._name: str | None = None

    def saved(self, id: str, *, last: bool = False) -> None:
        """Copy the job's state in the background, if machines share a place for that.

        Not more often than each COPY_SECONDS, unless it is the ``last`` one.
        """
        if not self._pictures.shared:
            return
        if last:
            self._copied.pop(id, None)
        elif time.monotonic() - self._copied.get(id, float("-inf")) < COPY_SECONDS:
            return
        else:
            self._copied[id] = time.monotonic()
        if id in self._copying:
            self._again.add(id)
            return
        task = self._copying[id] = spawn(self._copy_logged(id), f"a copy of the state of {id}")
        task.add_done_callback(lambda done: self._copying.pop(id, None))

    async def _copy_logged(self, id: str) -> None:
        while True:
            self._again.discard(id)
            try:
                await self._copy(id)
            except StoreError as error:
                log.warning("The state could not be copied: %s", error, extra={"job": id})
            if id not in self._again:
                return

    async def _copy(self, id: str) -> None:
        data = await asyncio.to_thread(read, self._files.state(id))
        if data is None:
            return
        await self._pictures.write(state_name(id), data)
        # Deleted, or taken over from a process that seemed to be dead, while it was written.
        rows = await self._database.fetch("SELECT id FROM jobs WHERE id = ?", id)
        if not rows:
            await self._pictures.remove(state_name(id))

    async def newest(self, id: str) -> bool:
        """Have the job's newest state in the data folder; False if it has none, or it is lost.

        What is lost is the newest one: an older one, of an unfinished job, may still be there.
        """
        if self._pictures.shared:
            rows = await self._database.fetch("SELECT painted_in FROM jobs WHERE id = ?", id)
            if rows and rows[0]["painted_in"] not in (None, await self._folder_name()):
                data = await self._pictures.read(state_name(id))
                if data is None:
                    return False
                await asyncio.to_thread(write, self._files.state(id), data)
                # They are of what was painted here before, and the job may have been steered since.
                await asyncio.to_thread(self._files.forget_frames, id)
                return True
        return await asyncio.to_thread(file_size, self._files.state(id)) is not None

    async def bring(self, id: str) -> None:
        """Before the job is painted here: have its newest state, and say that it will be here."""
        if not self._pictures.shared:
            return
        await self.newest(id)
        await self._database.change(
            "UPDATE jobs SET painted_in = ? WHERE id = ? AND owner = ?",
            await self._folder_name(),
            id,
            self._owner.name,
        )

    async def continue_from(self, of: str, to: str) -> bool:
        """Let the new job ``to`` start from the state of ``of``; False if that was not kept."""
        if not await self.newest(of):
            return False
        if not await asyncio.to_thread(self._files.copy_state, of, to):
            return False
        if self._pictures.shared:  # any machine may paint it
            data = await asyncio.to_thread(read, self._files.state(to))
            await self._pictures.write(state_name(to), data or b"")
        return True

    async def added(self, transaction: Transaction, id: str) -> None:
        """Note that the state from which a new job continues is in this folder."""
        if self._pictures.shared:
            await transaction.change(
                "UPDATE jobs SET painted_in = ? WHERE id = ?", await self._folder_name(), id
            )

    async def forget(self, id: str) -> None:
        """Delete the job's state, its frames, and the copy."""
        self._again.discard(id)
        self._copied.pop(id, None)
        await asyncio.to_thread(self._files.forget_state, id)
        if self._pictures.shared:
            await self._pictures.remove(state_name(id))

    async def thin_out(self, found: list[Found]) -> int:
        """Delete the oldest of the copies ``found`` beyond COPIES_BYTES, as the folder's are.

        Never those of unfinished jobs. Returns how many.
        """
        rows = await self._database.fetch(f"SELECT id FROM jobs WHERE {in_states(UNFINISHED)}")  # noqa: S608  constants
        kept = {state_name(row["id"]) for row in rows}
        total, old = sum(each.size for each in found), []
        for each in sorted(found, key=lambda each: each.written):
            if total <= COPIES_BYTES:
                break
            if each.name not in kept:
                total -= each.size
                old.append(each.name)
        for start in range(0, len(old), 1000):
            await self._pictures.remove(*old[start : start + 1000])
        return len(old)

    async def close(self) -> None:
        """Let the copies that are on their way arrive, for a few seconds."""
        if self._copying:
            _done, late = await asyncio.wait(self._copying.values(), timeout=_CLOSE_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _folder_name(self) -> str:
        """What tells this data folder from those of other machines."""
        if self._name is None:
            self._name = await asyncio.to_thread(_name_of, self._files.folder / "folder-id")
        return self._name


def _name_of(path: Path) -> str:
    """The text in the file ``path``; of several processes that write it, one does. Blocks."""
    with contextlib.suppress(FileExistsError), path.open("x", encoding="ascii") as file:
        file.write(uuid.uuid4().hex)
    return path.read_text("ascii")
