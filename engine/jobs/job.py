"""A job in the queue: its record, its watchers, and the store that keeps it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from engine.events import Cancelled, Done, Event, Failed
from engine.jobs.effort import Learnt
from engine.request.request import ImageRequest

State = Literal["queued", "running", "rendered", "delivered", "failed", "cancelled"]
Interrupt = Literal["stop", "cancel"]
"""Stop finishes the picture as it is; cancel drops it."""


USUAL_SHARE = 100  # percent


def charged(work: float, share: int) -> float:
    """What ``work`` costs of a person's turns, whose share is in percent."""
    return work * USUAL_SHARE / share if share else work


@dataclass(frozen=True)
class Place:
    """Where a job was requested, and the language of its answers; ids are Discord's.

    ``guild_id`` is None in direct messages. ``spoiler`` hides the picture until it is clicked.
    ``private_channel_id`` is the channel in which only the requester sees a private job, instead
    of ``channel_id``; None for all other jobs.
    """

    guild_id: str | None
    channel_id: str
    locale: str = "en-US"
    spoiler: bool = False
    private_channel_id: str | None = None

    @property
    def private(self) -> bool:
        """Whether only the requester may see the job."""
        return self.private_channel_id is not None


@dataclass(frozen=True)
class JobRecord:
    """A job as the store keeps it; times are milliseconds since 1970, UTC.

    ``id`` is 32 hexadecimal digits. The request has a seed. ``person_served_at`` is when a job
    of the same person was last started, which decides whose turn it is after a restart.
    ``continues`` is the job whose last state a new job starts from; the store copies that state
    when the job is added and does not need ``continues`` afterwards. ``time_lapse_of`` is the
    painted job whose time-lapse this job makes; the request is that job's. ``recorded`` is whether
    that picture's frames are on disk, so that the time-lapse takes seconds. Of a new job, ``after``
    is the number of the person's newest job when their limits were checked, 0 without one.
    ``grid`` is set if it is one of several pictures that were asked for together: it is the id of
    the first one's job, and its own for that one. ``parent`` is the job from which a person went
    on: whose picture this one starts from, or whose words were changed or painted again.
    ``seconds`` is the estimated time of painting. ``share`` is the person's share of the queue in
    percent of the usual one; 0 is for a relaxed job, which waits while others wait.
    ``steering`` has the changes that were asked for while it was painted and did not take effect
    yet: JSON by their keys (engine.worker.messages.SteerJob).
    """

    id: str
    request: ImageRequest
    person: str
    place: Place
    created_at: int = 0
    started_at: int | None = None
    person_served_at: int | None = None
    interrupt: Interrupt | None = None
    continues: str | None = None
    time_lapse_of: str | None = None
    recorded: bool = False
    after: int | None = None
    grid: str | None = None
    parent: str | None = None
    seconds: float | None = None
    share: int = USUAL_SHARE
    steering: Mapping[str, str] = field(default_factory=dict)

    @property
    def relaxed(self) -> bool:
        """Whether the job waits until no other job waits."""
        return self.share == 0

    def charged(self, work: float) -> float:
        """What ``work`` costs of the person's turns: half, with a share of 200."""
        return charged(work, self.share)


class JobStore(Protocol):
    """What makes the queue durable; ``data.store.Store`` is one.

    Every method raises EngineError if it cannot write, UnavailableError if that may work later.
    Methods that return a bool change nothing and return False if the job is not in a state that
    allows the change, or if another process owns it by now; calling them twice is safe.
    """

    async def add(self, record: JobRecord, pictures: Mapping[str, bytes]) -> None:
        """Store a new job and its pictures, by SHA-256; they are on disk when this returns.

        Raises RequestError if a picture it needs is neither given nor stored already, or if the
        state of the job that it continues was deleted; OvertakenError, with nothing stored, if
        the person has newer jobs than the one that it comes ``after``.
        """

    async def add_all(self, records: Sequence[JobRecord], pictures: Mapping[str, bytes]) -> None:
        """Store several new jobs like :meth:`add`, all of them or none."""

    async def attachments(self, id: str) -> dict[str, bytes]:
        """The job's pictures by SHA-256, without those that were deleted."""

    def state_path(self, id: str) -> Path:
        """The file in which the worker saves the job's state; it is kept after the job's end."""

    async def bring_state(self, id: str) -> None:
        """Have the job's newest state in that file, also if it was painted on another machine."""

    def state_saved(self, id: str) -> None:
        """The worker has saved the job's state; does not wait for what follows from that."""

    def frames_path(self, id: str) -> Path:
        """The file in which the worker records frames of the job; kept like the state."""

    async def learnt(self) -> Learnt:
        """What was kept of the time that jobs take."""

    async def learn(self, news: Learnt) -> None:
        """Keep it for the next start."""

    async def waiting(self) -> list[JobRecord]:
        """Take over the unfinished jobs without an owner; started ones first, then by age."""

    async def started(self, id: str) -> bool:
        """queued or running -> running."""

    async def requeued(self, id: str) -> bool:
        """running -> queued; its saved state is kept."""

    async def interrupted(self, id: str, interrupt: Interrupt) -> bool:
        """Store that a running job is to be stopped or cancelled."""

    async def ask_owner(self, id: str, interrupt: Interrupt) -> bool:
        """Ask the process whose job it is to stop or cancel it; False if that is not possible."""

    async def steer(self, id: str, key: str, change: str) -> bool:
        """Store how a running job is to be changed (engine.worker.messages.SteerJob).

        The process whose job it is learns of it. False also if it is to be stopped or cancelled.
        """

    async def steered(self, id: str, key: str, request: ImageRequest) -> bool:
        """Store that the change ``key`` is made: from now on the job paints ``request``."""

    async def rendered(self, id: str, done: Done) -> bool:
        """queued or running -> rendered, after the picture is on disk."""

    async def failed(self, id: str, reason: str) -> bool:
        """queued or running -> failed."""

    async def cancelled(self, id: str, partial: bytes | None) -> bool:
        """queued or running -> cancelled; ``partial`` is kept."""

    async def rendition(self, id: str) -> tuple[ImageRequest, int] | None:
        """The request and the iterations that repeat a rendered picture; None without one."""


@dataclass
class Setbacks:
    """The workers that died, or were stuck, while they painted a job, since it last progressed.

    ``lost_nodes`` counts those whose machine was lost, which are in neither of the others.
    ``saved`` is the iteration of the saved state at the last of them.
    """

    deaths: int = 0
    hangs: int = 0
    lost_nodes: int = 0
    saved: int = 0


class Job:
    """One picture or time-lapse being made. ``async for event in job`` watches it.

    Any number of watchers can; each gets the latest event first, and a slow one skips all but
    the newest. The last event is Done, Failed or Cancelled. The iteration ends without it only if
    the queue is closed, and then the job continues after the restart.
    """

    def __init__(self, record: JobRecord, *, resumed: bool = False) -> None:
        self.id = record.id
        self.request = record.request
        self.person = record.person
        self.place = record.place
        self.created_at = record.created_at
        self.resumed = resumed
        self.interrupt = record.interrupt
        self.time_lapse_of = record.time_lapse_of
        self.grid = record.grid
        self.relaxed, self.charged = record.relaxed, record.charged
        self.elsewhere = False  # another process on the same store has it
        # Changes that did not take effect yet: JSON by their keys, in order.
        self.steering = dict(record.steering)
        self.steered: set[str] = set()  # the keys of those that did
        self.state: State = "queued"
        self.latest: Event | None = None
        self.eta: float | None = None  # seconds until the picture, waiting included
        self.seconds_left: float | None = None  # of painting
        self.saved_iteration = 0
        self.setbacks = Setbacks()
        # Called after each event and when the job closes; they must not raise.
        self.listeners: list[Callable[[], None]] = []
        self.closed = False
        self._version = 0
        self._changed = asyncio.Event()

    def __repr__(self) -> str:
        return f"<Job {self.id} {self.state}>"

    def publish(self, event: Event) -> None:
        """Send ``event`` to the watchers; only the queue calls this."""
        self.latest = event
        self._version += 1
        self._wake()

    def close(self) -> None:
        """End the watchers' iterations without an ending; only the queue calls this."""
        self.closed = True
        self._wake()

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
        for listener in list(self.listeners):
            listener()

    @property
    def is_suspect(self) -> bool:
        """Whether a worker died with it, and it has made no progress since."""
        setbacks = self.setbacks
        return setbacks.deaths + setbacks.hangs > 0 and self.saved_iteration <= setbacks.saved

    async def __aiter__(self) -> AsyncIterator[Event]:
        seen = 0
        while True:
            while self._version == seen:
                if self.closed:
                    return
                await self._changed.wait()
            seen, event = self._version, self.latest
            assert event is not None
            yield event
            if isinstance(event, Done | Failed | Cancelled):
                return
