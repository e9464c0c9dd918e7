"""The jobs of a grid, watched as if they were one job."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from bot.media.sheet import sheet
from engine.events import Cancelled, Done, Event, Failed, Progress, Queued
from engine.jobs.job import Job
from engine.request.request import ImageRequest

_PREVIEW_SIDE = 320  # pixels, of one picture


@dataclass(frozen=True)
class GridEnded:
    """All jobs of the grid have ended, each in its own way, which the store knows."""


class GridJob:
    """Jobs that show what they do in one message; ``async for event in grid`` watches them.

    ``ids`` are those of all its jobs, in order. ``jobs`` are those in the queue, and ``finished``
    has the pictures of others, by id: they ended before a restart. The last event is GridEnded,
    unless the queue is closed before.
    """

    time_lapse_of = None

    def __init__(
        self,
        id: str,
        ids: Sequence[str],
        jobs: Sequence[Job],
        finished: Mapping[str, bytes] | None = None,
    ) -> None:
        first = jobs[0]
        self.id, self.ids = id, tuple(ids)
        self.person, self.place, self.resumed = first.person, first.place, first.resumed
        self.latest: Event | GridEnded | None = None
        self._jobs = {job.id: job for job in jobs}
        self._previews: dict[str, bytes] = dict(finished or {})
        self._changed = asyncio.Event()

    @property
    def request(self) -> ImageRequest:
        """What the first of them paints, without its seed: the seeds are different."""
        return next(iter(self._jobs.values())).request.with_values(seed=None)

    async def __aiter__(self) -> AsyncIterator[Event | GridEnded]:
        for job in self._jobs.values():
            job.listeners.append(self._changed.set)
        try:
            while True:
                self._changed.clear()
                jobs = self._jobs.values()
                if all(isinstance(job.latest, Done | Failed | Cancelled) for job in jobs):
                    self.latest = GridEnded()
                    yield self.latest
                    return
                if any(job.closed for job in jobs):
                    return
                event = await self._together()
                if event is not None:
                    self.latest = event
                    yield event
                await self._changed.wait()
        finally:
            for job in self._jobs.values():
                job.listeners.remove(self._changed.set)

    async def _together(self) -> Event | None:
        """The newest events of all jobs as one."""
        events = {id: job.latest for id, job in self._jobs.items()}
        waiting = [event for event in events.values() if isinstance(event, Queued)]
        etas = [job.eta for job in self._jobs.values() if _waits_or_paints(job)]
        eta = max((each for each in etas if each is not None), default=None)
        painting = [event for event in events.values() if isinstance(event, Progress)]
        for id, event in events.items():
            if isinstance(event, Progress) and event.preview:
                self._previews[id] = event.preview
            elif isinstance(event, Done):
                self._previews[id] = event.picture
        if not painting and self.latest is not None and not isinstance(self.latest, Queued):
            return None  # between two of them
        if not painting:
            return Queued(min(each.position for each in waiting), eta) if waiting else None
        each = max(event.iterations for event in painting)
        over = len(self.ids) - len(waiting) - len(painting)
        made = (over * each + sum(event.iteration for event in painting)) // len(self.ids)
        newest = painting[-1]
        preview = b""
        if self._previews:
            cells = [self._previews.get(id) for id in self.ids]
            preview = await asyncio.to_thread(sheet, cells, _PREVIEW_SIDE)
        overlay = next((event.overlay for event in painting if event.overlay), b"")
        return Progress(
            made,
            each,
            preview,
            {},
            eta,
            overlay,
            newest.notices,
            newest.width,
            newest.height,
        )


def _waits_or_paints(job: Job) -> bool:
    return isinstance(job.latest, Queued | Progress)
