"""A job in the queue: what it is, who watches it, and what must be remembered of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from engine.events import Cancelled, Done, Event, Failed
from engine.request.request import ImageRequest

State = Literal["queued", "running", "rendered", "delivered", "failed", "cancelled"]
Wish = Literal["stop", "cancel"]


@dataclass(frozen=True)
class Place:
    """Where a job was asked for, and in which language answers are wanted; ids are Discord's.

    ``guild_id`` is None in direct messages.
    """

    guild_id: str | None
    channel_id: str
    locale: str = "en-US"


@dataclass(frozen=True)
class JobRecord:
    """A job as the store keeps it; times are milliseconds since 1970, UTC.

    ``id`` is 32 hexadecimal digits. The request has a seed. ``person_served_at`` is when a job
    of the same person was last begun: that decides whose turn it is after a restart.
    ``continues`` is the job from whose last state a new one begins; the store gives the new one
    a copy of it, and needs to know no more after that.
    """

    id: str
    request: ImageRequest
    person: str
    place: Place
    created_at: int = 0
    started_at: int | None = None
    person_served_at: int | None = None
    wish: Wish | None = None
    continues: str | None = None


class JobStore(Protocol):
    """What makes the queue durable; ``data.store.Store`` is one.

    Every method raises EngineError where it could not be written down. Those that return a
    bool change nothing and return False where the job is not in a state that leads there, or
    is not this process's any more: a second call does no harm.
    """

    async def add(self, record: JobRecord, pictures: Mapping[str, bytes]) -> None:
        """Write down a new job and, by SHA-256, the pictures it needs; on disk on return.

        Raises RequestError where a picture that it needs is neither given nor there already,
        or the state of the job that it continues is not kept any more.
        """

    async def attachments(self, id: str) -> dict[str, bytes]:
        """The job's pictures by SHA-256; one that is gone is left out."""

    def state_path(self, id: str) -> Path:
        """Where the worker keeps the half-painted job, and its last state when it is over."""

    async def waiting(self) -> list[JobRecord]:
        """Take over the jobs that are unfinished and nobody's; begun ones first, then by age."""

    async def started(self, id: str) -> bool:
        """queued or running -> running."""

    async def requeued(self, id: str) -> bool:
        """running -> queued; what has been painted is kept."""

    async def wished(self, id: str, wish: Wish) -> bool:
        """Remember what was asked of a running job."""

    async def rendered(self, id: str, done: Done) -> bool:
        """queued or running -> rendered, the picture on disk before."""

    async def failed(self, id: str, reason: str) -> bool:
        """queued or running -> failed."""

    async def cancelled(self, id: str, partial: bytes | None) -> bool:
        """queued or running -> cancelled; ``partial`` is kept."""

    async def rendition(self, id: str) -> tuple[ImageRequest, int] | None:
        """What gives a rendered job's picture again: its request and the iterations made."""


class Job:
    """One picture on its way. ``async for event in job`` watches it.

    Any number of watchers may; each gets the last known event first and, being slow, only the
    newest of those it missed. The last is Done, Failed or Cancelled; without one of them the
    iteration ends only where the queue was closed and the job will go on after a restart.
    """

    def __init__(self, record: JobRecord, *, resumed: bool = False) -> None:
        self.id = record.id
        self.request = record.request
        self.person = record.person
        self.place = record.place
        self.created_at = record.created_at
        self.resumed = resumed
        self.wish = record.wish
        self.state: State = "queued"
        self.latest: Event | None = None
        self.eta: float | None = None
        self.left: float | None = None
        self.saved_iteration = 0
        self._version = 0
        self._closed = False
        self._changed = asyncio.Event()

    def __repr__(self) -> str:
        return f"<Job {self.id} {self.state}>"

    def publish(self, event: Event) -> None:
        """Tell the watchers; for the queue alone."""
        self.latest = event
        self._version += 1
        self._wake()

    def close(self) -> None:
        """End the watchers' iterations without an ending; for the queue alone."""
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def __aiter__(self) -> AsyncIterator[Event]:
        seen = 0
        while True:
            while self._version == seen:
                if self._closed:
                    return
                await self._changed.wait()
            seen, event = self._version, self.latest
            assert event is not None
            yield event
            if isinstance(event, Done | Failed | Cancelled):
                return
