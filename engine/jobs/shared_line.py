"""The jobs that wait in all processes of a bot, in the order in which they start."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator

from engine.errors import EngineError
from engine.jobs.eta import EtaEstimator
from engine.jobs.job import Job
from engine.jobs.line import Line
from engine.jobs.shared import Everywhere, SharedQueue, in_order

log = logging.getLogger("engine.queue")

_LOOK_SECONDS = 2.0  # for what nobody told of
_TOLD_SECONDS = 0.5  # between two looks for what others told of
_LEAST_SECONDS = 0.1  # of a job that takes longer than was estimated


class SharedLine(Line):
    """A line in which jobs of other processes stand, too; see engine.jobs.shared.

    They are those with ``elsewhere`` set. ``takes`` says whether this process starts such jobs,
    ``lost`` is called with each job of this process that another one took.
    """

    def __init__(
        self,
        estimator: EtaEstimator,
        shared: SharedQueue,
        takes: Callable[[], bool],
        lost: Callable[[Job], None],
    ) -> None:
        super().__init__(estimator)
        self._shared = shared
        self._takes = takes
        self._lost = lost
        self._mine: dict[str, Job] = {}  # those that wait; new ones come last
        self._others: dict[str, Job] = {}  # also those that run
        self._movable: set[str] = set()
        self._order: list[str] = []
        self._now = Everywhere()
        self._looked = float("-inf")
        self._heard = True
        self._looking = asyncio.Lock()
        self._changes = 0  # of this process's part

    def listen(self, wake: Callable[[], None]) -> None:
        """Have ``wake`` called when another process changed something."""

        def heard() -> None:
            self._heard = True
            wake()

        self._shared.listen(heard)

    @property
    def patience(self) -> float | None:
        """Seconds until :meth:`update` should be called again, whatever happens."""
        return _TOLD_SECONDS if self._heard else _LOOK_SECONDS

    @property
    def devices(self) -> int:
        """How many devices the other processes have."""
        return self._now.devices

    @property
    def slots(self) -> int:
        """How many jobs the other processes paint at once."""
        return self._now.slots

    def running_elsewhere(self) -> list[Job]:
        """The jobs that other processes paint, or will continue."""
        return [job for job in self._others.values() if job.state == "running"]

    def look_again(self) -> None:
        """Have the next :meth:`update` look, since something has changed."""
        self._heard, self._looked = True, float("-inf")
        self._changes += 1

    async def update(self, *, soon: bool = False) -> bool:
        """Look at what the processes have, unless that was done just now; whether it looked.

        With ``soon`` it is done as soon as anybody told of a change.
        """
        async with self._looking:
            age = time.monotonic() - self._looked
            if age < _LOOK_SECONDS and not (self._heard and (soon or age >= _TOLD_SECONDS)):
                return False
            self._heard, self._looked = False, time.monotonic()
            before = self._changes
            try:
                found = await self._shared.look()
                gone = await self._gone(found)
            except EngineError as error:
                log.error("could not look at the jobs of other processes: %s", error)
                return False
            if before != self._changes:  # it may say that a job that was just taken is another's
                self._heard = True
                return False
            for id in gone & self._mine.keys():
                self._lost(self._mine[id])
            self._take_in(found)
            return True

    async def _gone(self, found: Everywhere) -> set[str]:
        """The jobs that another process took, and ended before this one looked."""
        unseen = self._mine.keys() - {each.record.id for each in found.jobs}
        return unseen - await self._shared.still_mine(unseen) if unseen else set()

    def _take_in(self, found: Everywhere) -> None:
        self._now = found
        before, self._others = self._others, {}
        waiting = in_order(found.jobs)
        self._order = [each.record.id for each in waiting]
        self._movable = {each.record.id for each in waiting if each.movable}
        for each in found.jobs:
            id = each.record.id
            if each.mine:
                continue
            if id in self._mine:
                self._lost(self._mine[id])
            job = self._others[id] = before.get(id) or Job(each.record)
            job.elsewhere = True
            job.state = "queued" if each.waiting else "running"
            job.seconds_left = each.work / 1000
            if each.record.started_at is not None:
                ran = time.time() - each.record.started_at / 1000
                job.seconds_left = max(_LEAST_SECONDS, each.work / 1000 - ran)

    # As in Line.

    def push(self, job: Job) -> None:
        """Add a job of this process."""
        self._mine[job.id] = job

    def _pop(self) -> Job | None:
        job = self.peek()
        if job is not None:
            self._remove(job)
        return job

    def peek(self) -> Job | None:
        """The next job that this process can start."""
        takes = self._takes()
        for job in self:
            if not job.elsewhere or (takes and job.id in self._movable):
                return job
        return None

    def _remove(self, job: Job, *, served: bool = False) -> bool:
        """Remove a job that was never started; the store counts one that starts."""
        jobs = self._others if job.elsewhere else self._mine
        return jobs.pop(job.id, None) is not None

    def grid_of(self, job: Job) -> list[Job]:
        """The waiting jobs of this process of the grid of ``job``."""
        mine = self._mine.values()
        return [each for each in mine if each.grid is not None and each.grid == job.grid]

    def own(self) -> Iterator[Job]:
        """The waiting jobs of this process."""
        return (job for job in self if not job.elsewhere)

    def __iter__(self) -> Iterator[Job]:
        yield from self._put_back
        yield from self._started
        new = dict(self._mine)
        known = (new.pop(id, None) or self._others.get(id) for id in self._order)
        waiting = [job for job in known if job is not None and job.state == "queued"]
        yield from sorted([*waiting, *new.values()], key=lambda job: job.relaxed)
