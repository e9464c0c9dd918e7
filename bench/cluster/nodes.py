"""Is a picture lost, painted twice or different if a machine of the cluster dies?

``python -m bench.cluster.nodes --json`` prints ``{"jobs", "finished", "twice", "different",
"continued", "machines", "seconds"}``. A Ray cluster of three machines on this one paints 300 small
pictures (``--jobs``), a third of which take longer than the others. When a third of them is
finished, a machine is killed with SIGKILL while it paints. Then a worker on this machine alone
paints all of them again.

- *finished*: jobs that were stored as rendered;
- *twice*: those that were stored, or announced to those who watch, more than once;
- *different*: those whose pixels are not the ones of the worker on this machine;
- *continued*: those that another machine continued from the state that the dead one had sent;
- *machines*: those that painted.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from bench.cluster.machines import Machines, ray_machines
from bench.common.cli import AsJson, exit_on, print_figures
from bench.common.model_names import DRAWN
from data import Store
from engine.errors import EngineError
from engine.events import Done
from engine.jobs.cluster.pool import ClusterPool
from engine.jobs.cluster.settings import ClusterSettings
from engine.jobs.job import Job, Place
from engine.jobs.queue import PaintQueue
from engine.request.request import ImageRequest, make_request

_PLACE = Place(None, "0")
_PEOPLE = 7
_SAVE_EVERY = 0.3  # seconds, so that there is something to continue from
_LOOK, _PATIENCE = 0.02, 900.0


@dataclass(frozen=True)
class Survival:
    """The figures of this bench."""

    jobs: int
    finished: int
    twice: int
    different: int
    continued: int
    machines: int
    seconds: float


class _Counted:
    """Counts in ``store`` how often each job is stored as rendered."""

    def __init__(self, store: Store) -> None:
        self.rendered: Counter[str] = Counter()
        self._rendered = store.rendered
        store.rendered = self._count  # type: ignore[method-assign]

    async def _count(self, id: str, done: Done) -> bool:
        stored = await self._rendered(id, done)
        self.rendered[id] += stored
        return stored


def small_requests(count: int, model: str = DRAWN) -> list[ImageRequest]:
    """``count`` small pictures; each third takes ten times as long."""
    return [
        make_request(
            "a red circle",
            model=model,
            width=64,
            height=64,
            cutouts=4,
            iterations=40 if number % 3 == 0 else 4,
            seed=number,
        )
        for number in range(count)
    ]


async def survive(
    requests: Sequence[ImageRequest], folder: Path, machines: int = 3, *, client: bool = False
) -> Survival:
    """Paint ``requests`` on so many machines, of which one is killed.

    With ``client`` they are reached through Ray's client, as by a bot outside the cluster.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with ray_machines(machines, client=client) as cluster:
        store = await Store.open(folder / "cluster")
        counted = _Counted(store)
        queue = _queue(store, requests, cluster.address)
        await queue.start()
        try:
            jobs = await _submit(queue, requests)
            watching = [asyncio.create_task(_pixels(job)) for job in jobs]
            seen, continued = await _kill_one(queue, jobs, cluster)
            pictures = await asyncio.gather(*watching)
        finally:
            await queue.close()
            await store.close()
    seconds = loop.time() - began
    expected = await _paint_here(requests, folder / "here")
    told = [count for _, count in pictures]
    return Survival(
        len(jobs),
        len(counted.rendered),
        sum(max(told[number], counted.rendered[job.id]) > 1 for number, job in enumerate(jobs)),
        sum(pixels != other for (pixels, _), other in zip(pictures, expected, strict=True)),
        continued,
        seen,
        round(seconds, 1),
    )


def _queue(store: Store, requests: Sequence[ImageRequest], cluster: str | None) -> PaintQueue:
    return PaintQueue(
        store,
        preload=requests[0].networks,
        device="cpu" if cluster is None else None,
        threads=1,
        save_every=_SAVE_EVERY,
        preview_every=0.5,
        batch=1,
        supply=None if cluster is None else ClusterPool(ClusterSettings(cluster)),
    )


async def _submit(queue: PaintQueue, requests: Sequence[ImageRequest]) -> list[Job]:
    return [
        await queue.submit(request, person=f"person {number % _PEOPLE}", place=_PLACE)
        for number, request in enumerate(requests)
    ]


async def _pixels(job: Job) -> tuple[bytes, int]:
    """The picture, without the provenance before its pixels, and how often it was announced."""
    picture, told = b"", 0
    async for event in job:
        if isinstance(event, Done):
            told += 1
            picture = event.picture
    return picture.partition(b"IDAT")[2], told


async def _kill_one(queue: PaintQueue, jobs: Sequence[Job], cluster: Machines) -> tuple[int, int]:
    """Kill a machine in mid-job; returns how many painted, and how many of its jobs went on."""
    workers: set[int | None] = set()

    def saved() -> int:
        return sum(job.state == "running" and job.saved_iteration > 0 for job in jobs)

    async with asyncio.timeout(_PATIENCE):
        while sum(job.state == "rendered" for job in jobs) < len(jobs) / 3 or saved() < len(
            workers
        ):
            await asyncio.sleep(_LOOK)
            workers |= {worker.pid for worker in queue.workers() if worker.alive}
    await cluster.kill()
    lost: set[str] = set()
    async with asyncio.timeout(_PATIENCE):
        while any(job.state in ("queued", "running") for job in jobs):
            await asyncio.sleep(_LOOK)
            lost |= {job.id for job in jobs if job.setbacks.lost_nodes and job.saved_iteration}
    return len(workers), len(lost)


async def _paint_here(requests: Sequence[ImageRequest], folder: Path) -> list[bytes]:
    store = await Store.open(folder)
    queue = _queue(store, requests, None)
    await queue.start()
    try:
        jobs = await _submit(queue, requests)
        return [pixels for pixels, _ in await asyncio.gather(*map(_pixels, jobs))]
    finally:
        await queue.close()
        await store.close()


def main(
    jobs: Annotated[int, typer.Option(min=6)] = 300,
    machines: Annotated[int, typer.Option(min=2)] = 3,
    client: Annotated[bool, typer.Option(help="through Ray's client (ray://)")] = False,
    as_json: AsJson = False,
) -> None:
    """Paint small pictures on a Ray cluster, and kill one of its machines."""
    with exit_on(EngineError, ImportError), tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(survive(small_requests(jobs), Path(folder), machines, client=client))
    print_figures(asdict(found), as_json)


if __name__ == "__main__":
    typer.run(main)
