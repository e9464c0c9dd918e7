"""The jobs that wait, in the order in which they start."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from engine.jobs.eta import EtaEstimator
from engine.jobs.job import Job
from engine.jobs.round_robin import RoundRobin


class Line:
    """Jobs that were started before come first: before a restart, or by a worker that died.

    The others take turns by person (engine.jobs.round_robin), and relaxed jobs come last, in turns
    of their own.
    """

    def __init__(self, estimator: EtaEstimator) -> None:
        self._estimator = estimator
        self._put_back: deque[Job] = deque()
        self._started: deque[Job] = deque()
        self._waiting: RoundRobin[Job] = RoundRobin()
        self._relaxed: RoundRobin[Job] = RoundRobin()

    def push(self, job: Job) -> None:
        """Add a new job; its work is what is left of it, or else estimated."""
        seconds = job.charged(self._estimator.seconds_left(job))
        self._turns_of(job).push(job.person, job, seconds)

    def _turns_of(self, job: Job) -> RoundRobin[Job]:
        return self._relaxed if job.relaxed else self._waiting

    def push_started(self, job: Job) -> None:
        """Add a job that was started before a restart."""
        self._started.append(job)

    def put_back(self, job: Job) -> None:
        """Let a job that was being painted come next, after those that were put back before."""
        self._put_back.append(job)

    def peek(self) -> Job | None:
        """The next job."""
        return next(iter(self), None)

    def pop(self) -> Job | None:
        """Remove and return the next job."""
        for started in (self._put_back, self._started):
            if started:
                return started.popleft()
        return self._pop()

    def _pop(self) -> Job | None:
        return self._waiting.pop() or self._relaxed.pop()

    def remove(self, job: Job) -> bool:
        """Remove ``job``; False if it does not wait."""
        for started in (self._put_back, self._started):
            if job in started:
                started.remove(job)
                return True
        return self._remove(job)

    def _remove(self, job: Job, *, served: bool = False) -> bool:
        """Remove a job that was never started; if it is ``served``, as if by its turn."""
        return self._turns_of(job).remove(job.person, job, served=served)

    def grid_of(self, job: Job) -> list[Job]:
        """The waiting jobs of the grid of ``job``."""
        turns = self._turns_of(job)
        return [each for each in turns if each.grid is not None and each.grid == job.grid]

    def take(self, job: Job) -> None:
        """Remove a waiting job out of turn; it counts as if it had been its turn."""
        self._remove(job, served=True)

    def __iter__(self) -> Iterator[Job]:
        yield from self._put_back
        yield from self._started
        yield from self._waiting
        yield from self._relaxed

    # What engine.jobs.shared_line adds for several processes.

    @property
    def patience(self) -> float | None:
        """Seconds until :meth:`update` should be called again; None: not before it changes."""
        return None

    async def update(self, *, soon: bool = False) -> bool:
        """See what other processes have; there are none. Returns whether it looked."""
        return False

    def look_again(self) -> None:
        """Have the next :meth:`update` look."""

    def own(self) -> Iterator[Job]:
        """The waiting jobs of this process."""
        return iter(self)

    def running_elsewhere(self) -> list[Job]:
        """The jobs that other processes paint."""
        return []

    @property
    def devices(self) -> int:
        """How many devices other processes have."""
        return 0

    @property
    def slots(self) -> int:
        """How many jobs other processes paint at once."""
        return 0
