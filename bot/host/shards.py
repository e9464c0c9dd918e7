"""This process's part of Discord's shards, and those of processes that died."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Collection, Sequence
from typing import Protocol

from data.errors import StoreError
from data.shards import Shards
from engine.tasks import spawn

log = logging.getLogger(__name__)


class Connections(Protocol):
    """Connects shards to Discord."""

    async def start_shard(self, shard: int) -> None:
        """Connect a shard, however long it takes."""

    async def stop_others(self, held: Collection[int]) -> None:
        """Disconnect all shards but those that are held."""


class ShardWork:
    """The shards that this process holds, from :meth:`start` to :meth:`close`.

    ``own`` are those of ``number`` that it connects whenever it runs. If it loses them, because it
    was suspended for longer than a lease, it asks for them back.
    """

    def __init__(
        self,
        shards: Shards,
        application_id: str,
        number: int,
        own: Sequence[int],
        connections: Connections,
    ) -> None:
        self.number = number
        self.own = tuple(own)
        self.held: frozenset[int] = frozenset()
        self._shards = shards
        self._id = application_id
        self._connections = connections
        self._working: asyncio.Task[None] | None = None
        self._starting: dict[int, asyncio.Task[None]] = {}

    async def start(self) -> None:
        """Claim the shards; raises InUseError if another process runs them, StoreError."""
        self.held = (await self._shards.claim(self._id, self.number, self.own)).shards
        if missing := sorted(set(self.own) - self.held):
            log.info("Asked back from the processes that took them over: shards %s", missing)
        self._working = spawn(self._work(), "shards")

    async def close(self) -> None:
        """Release the shards, before they are disconnected."""
        if self._working is None:
            return
        tasks = [self._working, *self._starting.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(StoreError):  # then the leases expire
            await self._shards.release(self._id)

    def holds(self, guild_id: int | None) -> bool:
        """Whether events of that server, or of direct messages (None), come to this process."""
        return (0 if guild_id is None else (guild_id >> 22) % self.number) in self.held

    async def wait_for_start(self, shard: int, concurrency: int) -> None:
        """Wait until Discord allows the start of a session, of all processes' shards."""
        bucket = shard % max(1, concurrency)
        await asyncio.sleep(await self._shards.wait_for_start(self._id, bucket))

    async def look(self) -> None:
        """Renew the leases, and connect or disconnect what has changed. Raises StoreError."""
        found = await self._shards.look(self._id, self.number, self.own)
        before, self.held = self.held, found.shards - found.wanted
        for shard in sorted(before - found.shards):
            log.error("Another process has shard %d now, so it is disconnected here", shard)
        for shard in sorted(before - self.held):
            await self._end_start(shard)
        await self._connections.stop_others(self.held)
        for shard in sorted(found.wanted):
            log.info("Giving shard %d back to the process whose own it is", shard)
            await self._shards.give_back(self._id, shard)
        for shard in sorted(self.held - before):
            log.warning("Connecting shard %d here now", shard)
            self._start(shard)

    def _start(self, shard: int) -> None:
        task = spawn(self._connections.start_shard(shard), f"shard {shard}")
        self._starting[shard] = task
        task.add_done_callback(lambda done: self._starting.pop(shard, None))

    async def _end_start(self, shard: int) -> None:
        if (starting := self._starting.get(shard)) is not None:
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            await asyncio.sleep(self._shards.seconds / 3)
            try:
                # A look that takes longer is too late, and must not keep the next one from trying.
                async with asyncio.timeout(self._shards.seconds):
                    await self.look()
            except (StoreError, TimeoutError) as error:
                log.error("The claim on shards could not be renewed: %s", str(error) or "no answer")
            except Exception:  # else its servers would stay without an answer
                log.exception("The claim on shards could not be renewed")
