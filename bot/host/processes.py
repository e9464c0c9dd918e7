"""What the processes of one bot tell each other: their workers, and how much they have to do."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Protocol

from data.errors import StoreError
from data.jobs.shared_jobs import SharedJobs
from engine.jobs.job import Job
from engine.jobs.queue import PaintQueue
from engine.tasks import spawn
from engine.worker.status import WorkerStatus

log = logging.getLogger(__name__)

_PUBLISHED_BETWEEN = 720  # an hour on a server


class Deliveries(Protocol):
    """Shows the progress of jobs, and posts their results."""

    def continue_taken(self, jobs: Sequence[Job]) -> None:
        """Continue what another living process showed."""

    async def retry_all_refused(self) -> None:
        """Post again what channels refused earlier."""


class Held(Protocol):
    """The shards of this process."""

    held: frozenset[int]


@dataclass(frozen=True)
class ProcessStatus:
    """A process of the bot, when it last told: ``name`` is HOST:PID."""

    name: str
    shards: Sequence[int]
    running: int
    waiting: int
    draining: bool
    workers: Sequence[WorkerStatus]


def read_status(text: str) -> ProcessStatus:
    """The status in JSON, also one by another version of the bot."""
    found: Mapping[str, Any] = json.loads(text)
    workers = [WorkerStatus(**_known(WorkerStatus, each)) for each in found["workers"]]
    return ProcessStatus(**{**_known(ProcessStatus, found), "workers": workers})


def _known(kind: type[ProcessStatus | WorkerStatus], values: Mapping[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(kind)}
    return {name: value for name, value in values.items() if name in names}


class ProcessWork:
    """Publishes this process's part, from :meth:`start` to :meth:`close`."""

    def __init__(
        self, shared: SharedJobs, queue: PaintQueue, shards: Held, deliveries: Deliveries
    ) -> None:
        self._shared = shared
        self._queue = queue
        self._shards = shards
        self._working: asyncio.Task[None] | None = None
        self._name = f"{socket.gethostname()}:{os.getpid()}"
        self._deliveries = deliveries
        self._retrying: set[asyncio.Task[None]] = set()
        queue.exchange.on_taken = deliveries.continue_taken

    async def start(self) -> None:
        """Publish, and go on in the background."""
        await self._publish()
        self._shared.listen_for_retries(self._retry_later)
        self._working = spawn(self._work(), "what other processes are told")

    async def close(self) -> None:
        """Stop, so that nobody counts on this process's workers."""
        if self._working is None:
            return
        tasks = [self._working, *self._retrying]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(StoreError):  # then the lease expires
            await self._shared.withdraw()

    def mine(self) -> ProcessStatus:
        """This process."""
        jobs = self._queue.overview()
        running = sum(job.state == "running" for job in jobs)
        return ProcessStatus(
            self._name,
            sorted(self._shards.held),
            running,
            len(jobs) - running,
            self._queue.draining,
            self._queue.workers(),
        )

    async def others(self) -> list[ProcessStatus]:
        """The other processes that are alive; raises StoreError."""
        return [read_status(text) for text in await self._shared.statuses()]

    async def retry_elsewhere(self, guild_id: int) -> None:
        """Have other processes post again what that server's channels refused.

        Discord tells a change to the process with the server's shard, which may not be the one
        that has the picture.
        """
        try:
            await self._shared.ask_to_retry(str(guild_id))
        except StoreError as error:
            log.error("Other processes could not be told of a change: %s", error)

    def _retry_later(self) -> None:
        task = spawn(self._retry(), "what was refused")
        self._retrying.add(task)
        task.add_done_callback(self._retrying.discard)

    async def _retry(self) -> None:
        try:
            await self._deliveries.retry_all_refused()
        except StoreError as error:
            log.error("What was refused could not be posted again: %s", error)

    async def _publish(self) -> None:
        devices, slots = self._queue.capacity()
        if self._queue.draining:
            devices = slots = 0
        try:
            await self._shared.publish(devices, slots, json.dumps(asdict(self.mine())))
        except StoreError as error:
            log.error("Other processes could not be told about this one: %s", error)

    async def _work(self) -> None:
        while True:
            for _ in range(_PUBLISHED_BETWEEN):
                await asyncio.sleep(self._shared.seconds / 3)
                await self._publish()
            try:
                await self._shared.turns.forget_old()
            except StoreError as error:
                log.error("Old turns could not be deleted: %s", error)
