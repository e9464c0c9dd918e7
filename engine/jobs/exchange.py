"""Moving waiting jobs between the processes of one bot."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from engine.jobs.job import Job
from engine.jobs.line import Line
from engine.jobs.shared import SharedQueue

log = logging.getLogger("engine.queue")


class Exchange:
    """Takes other processes' jobs, and forgets those that others took.

    ``jobs`` are this process's, by id; those that wait are in ``line``. Without ``shared`` there is
    one process. ``on_taken`` is called with jobs that were taken, before they start.
    """

    def __init__(self, shared: SharedQueue | None, jobs: dict[str, Job]) -> None:
        self.on_taken: Callable[[Sequence[Job]], None] = lambda jobs: None
        self.line: Line
        self._shared = shared
        self._jobs = jobs

    async def take(self, job: Job) -> bool:
        """Make another process's job this one's, with its grid; False if it was too late.

        Raises EngineError if the store cannot be used.
        """
        if self._shared is None:
            return False
        records = {record.id: record for record in await self._shared.take(job.id)}
        if job.id not in records:
            return False
        taken = []
        for id, record in records.items():
            mine = job if id == job.id else Job(record)
            mine.elsewhere, mine.resumed = False, True
            mine.interrupt, mine.seconds_left = record.interrupt, record.seconds
            self._jobs[id] = mine
            taken.append(mine)
            if mine is not job:
                self.line.push(mine)
        self.line.look_again()
        log.info("taken from another process", extra={"job": job.id})
        self.on_taken(taken)
        return True

    def lose(self, job: Job) -> None:
        """Forget a job that another process took; it is continued there."""
        if self._jobs.pop(job.id, None) is not None:
            self.line.remove(job)
            job.close()

    async def is_elsewhere(self, job: Job) -> bool:
        """Whether another process has, or has ended, a job that was this one's."""
        return self._shared is not None and await self._shared.is_elsewhere(job.id)
