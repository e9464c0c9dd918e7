"""What several processes have of one queue: its jobs, their order, and the workers of all.

The order is self-clocked fair queueing (Golestani 1994). Each person has an account, in
milliseconds of work: what they were served, in all processes together. A job's turn is the
person's account plus the work of their older jobs that wait and its own; the lowest turn is served
next, and jobs of the same turn by age. Who comes back gets no credit for the time without jobs:
the account is raised to the turn that was served last. So while several people wait, each is served
as many seconds as the others, give or take one job, whichever processes and workers there are. A
person with another share than the usual one is charged less or more for the same work; relaxed jobs
come after all others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from engine.jobs.job import JobRecord


@dataclass(frozen=True)
class SharedJob:
    """An unfinished job of some process.

    ``account`` is the person's, and ``work`` the job's, in ms. It is ``waiting`` if it was never
    started; only then another process can take it, if it is ``movable``. ``mine`` is whether it is
    this process's. The store numbers jobs by age.
    """

    record: JobRecord
    number: int
    account: int
    work: int
    mine: bool
    waiting: bool
    movable: bool


@dataclass(frozen=True)
class Everywhere:
    """All unfinished jobs of a bot's processes; ``devices`` and ``slots`` are the other ones'."""

    jobs: Sequence[SharedJob] = ()
    devices: int = 0
    slots: int = 0


class SharedQueue(Protocol):
    """The queue that several processes have in one store; its methods raise EngineError."""

    async def look(self) -> Everywhere:
        """What there is at the moment."""

    async def take(self, id: str) -> Sequence[JobRecord]:
        """Make another process's waiting job this one's, with the other jobs of its grid.

        Empty if it does not wait there any more.
        """

    async def still_mine(self, ids: Collection[str]) -> set[str]:
        """Those of the jobs that are unfinished and this process's."""

    async def is_elsewhere(self, id: str) -> bool:
        """Whether another process has that job, or has ended it."""

    def listen(self, heard: Callable[[], None]) -> None:
        """Call ``heard`` when another process changed the queue; look from time to time as well."""


def in_order(jobs: Iterable[SharedJob]) -> list[SharedJob]:
    """The waiting ones of ``jobs``, the next one first."""
    turns: dict[tuple[str, bool], float] = defaultdict(float)
    ordered = []
    for job in sorted(jobs, key=lambda job: job.number):
        if job.waiting:
            record = job.record
            whose = record.person, record.relaxed
            turns[whose] += record.charged(job.work)
            ordered.append((record.relaxed, job.account + turns[whose], job.number, job))
    return [each[3] for each in sorted(ordered, key=lambda each: each[:3])]
