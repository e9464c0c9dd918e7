"""Requests at given times through the real queue, store and worker, with tiny pictures."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from bench.common.jobs import painted
from bench.scale.arrivals import Arrival
from bench.scale.simulation import Outcome, Waited
from data import Store
from engine.jobs.job import Job, Place
from engine.jobs.queue import PaintQueue
from engine.request.request import ImageRequest, make_request

_PLACE = Place(None, "1")


def tiny_request(model: str, iterations: int) -> ImageRequest:
    """What each job paints: 64x64 pixels."""
    return make_request(
        "a red circle", model=model, width=64, height=64, iterations=iterations, cutouts=4, seed=0
    )


class RealQueue:
    """The queue on ``folder`` with ``workers`` worker processes; use it with ``async with``."""

    def __init__(self, request: ImageRequest, folder: Path, workers: int = 1) -> None:
        self._request = request
        self._folder = folder
        self._workers = workers
        self._started: dict[str, float] = {}

    async def __aenter__(self) -> RealQueue:
        self._store = await Store.open(self._folder)
        self._queue = PaintQueue(
            self._store,
            preload=self._request.model,
            device=",".join(["cpu"] * self._workers),
            threads=self._workers,
            preview_every=0.2,
        )
        self._queue.watchers.append(self._watch)
        await self._queue.start()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._queue.close()
        await self._store.close()

    def _watch(self, job: Job) -> None:
        if job.state == "running":
            self._started.setdefault(job.id, time.perf_counter())

    async def _paint(self, person: str) -> tuple[float, float, float]:
        """When it was asked for, started and ended; raises EngineError if it is not painted."""
        asked = time.perf_counter()
        job = await self._queue.submit(self._request, person=person, place=_PLACE)
        await painted(job)
        return asked, self._started[job.id], time.perf_counter()

    async def warm_up(self, jobs: int) -> tuple[list[float], float]:
        """How long each of ``jobs`` was painted while all others waited, and the gap between two.

        The gap is what the worker waits for the next job: the store's writes, and what the queue
        tells all that wait. Some more are painted before, until models are loaded.
        """
        first = 5 * self._workers
        painted = sorted(
            await asyncio.gather(*(self._paint(f"person {n}") for n in range(jobs + first))),
            key=lambda times: times[1],
        )[first:]
        ends = sorted(end for _, _, end in painted)
        starts = [start for _, start, _ in painted[self._workers :]]
        gaps = [start - end for start, end in zip(starts, ends, strict=False)]
        return [end - start for _, start, end in painted], max(0.0, median(gaps))

    async def latency(self, pause: float, jobs: int = 8) -> float:
        """The seconds from a request to its start if nobody else waits: the store's writes.

        There is a ``pause`` of some seconds before each, as there is between people's requests.
        One right after the other took 2 ms where those of a run took 4.
        """
        waits = []
        for _ in range(jobs):
            await asyncio.sleep(pause)
            asked, start, _end = await self._paint("nobody")
            waits.append(start - asked)
        return median(waits)

    async def serve(self, asked: Sequence[Arrival]) -> Outcome:
        """Ask at these times."""
        began = time.perf_counter()

        async def one(arrival: Arrival) -> Waited:
            await asyncio.sleep(began + arrival.time - time.perf_counter())
            asked, start, end = await self._paint(arrival.person)
            return Waited(arrival.person, asked - began, start - asked, end - began)

        jobs = await asyncio.gather(*map(one, asked))
        busy = sum(job.ended - job.asked - job.wait for job in jobs)
        return Outcome(self._workers, asked[-1].time, busy, jobs)
