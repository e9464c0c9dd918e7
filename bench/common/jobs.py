"""Waiting for jobs of a queue."""

from __future__ import annotations

from engine.errors import EngineError
from engine.events import Done, Event
from engine.jobs.job import Job


async def ending_of(job: Job) -> Event | None:
    """The last event of ``job``, once there is no further one; None if there was none."""
    last = None
    async for event in job:
        last = event
    return last


async def painted(job: Job) -> Done:
    """Wait until ``job`` is painted; raises EngineError if it ends otherwise."""
    ending = await ending_of(job)
    if not isinstance(ending, Done):
        raise EngineError(getattr(ending, "reason", "A picture was not painted."))
    return ending
