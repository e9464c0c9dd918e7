"""What does a worker in a Ray cluster cost, compared with one on this machine?

``python -m bench.cluster.overhead --json`` prints ``{"rounds", "iterations", "iteration_ratio",
"job_ratio", "job_ms_here", "job_ms_ray"}``. A worker of
each kind has the model loaded. They paint the same pictures in turn, one after the other, so that
the other is idle meanwhile; which of them is first changes with each round.

- *iteration_ratio*: seconds of an iteration in the cluster to those here, the median of rounds;
- *job_ratio*: the same of the time from asking for a picture until it is stored.

Painting is the model's default (``--iterations`` for less) with previews every two seconds, as in
the bot. Both workers have one thread.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from bench.cluster.machines import ray_machines
from bench.common.cli import AsJson, exit_on, print_figures
from bench.common.jobs import painted
from bench.common.model_names import DRAWN
from data import Store
from engine.errors import EngineError
from engine.jobs.cluster.pool import ClusterPool
from engine.jobs.cluster.settings import ClusterSettings
from engine.jobs.job import Place
from engine.jobs.queue import PaintQueue
from engine.request.request import ImageRequest, make_request


@dataclass(frozen=True)
class Overhead:
    """The figures of this bench; ratios are Ray's to this machine's, medians of the rounds."""

    rounds: int
    iterations: int
    iteration_ratio: float
    job_ratio: float
    job_ms_here: float
    job_ms_ray: float


@dataclass(frozen=True)
class _Taken:
    """Seconds of stepping by iteration, from asking to the stored picture, and the iterations."""

    iteration: float
    job: float
    iterations: int


async def measure(request: ImageRequest, folder: Path, rounds: int) -> Overhead:
    """Paint ``request`` ``rounds`` times on each. Raises EngineError if painting fails."""
    async with ray_machines(1) as _:
        stores = [await Store.open(folder / name) for name in ("here", "ray")]
        queues = [_queue(stores[0], request, None), _queue(stores[1], request, _one_worker())]
        for queue in queues:
            await queue.start()
        try:
            for queue in queues:  # loads the model, which does not count
                await _paint(queue, request.changed(iterations=2), 0)
            here, ray = [], []
            for number in range(rounds):
                taken = {}
                for which in (0, 1) if number % 2 == 0 else (1, 0):
                    taken[which] = await _paint(queues[which], request, number)
                here.append(taken[0])
                ray.append(taken[1])
        finally:
            for queue, store in zip(queues, stores, strict=True):
                await queue.close()
                await store.close()
    pairs = list(zip(here, ray, strict=True))
    return Overhead(
        rounds,
        here[0].iterations,
        round(statistics.median(b.iteration / a.iteration for a, b in pairs), 4),
        round(statistics.median(b.job / a.job for a, b in pairs), 4),
        round(1000 * statistics.median(a.job for a in here), 1),
        round(1000 * statistics.median(b.job for b in ray), 1),
    )


def _one_worker() -> ClusterPool:
    return ClusterPool(ClusterSettings(least=1, most=1))


def _queue(store: Store, request: ImageRequest, supply: ClusterPool | None) -> PaintQueue:
    return PaintQueue(
        store,
        preload=request.networks,
        device="cpu" if supply is None else None,
        threads=1,
        batch=1,
        supply=supply,
    )


async def _paint(queue: PaintQueue, request: ImageRequest, seed: int) -> _Taken:
    began = time.perf_counter()
    job = await queue.submit(request.changed(seed=seed), person="1", place=Place(None, "0"))
    done = await painted(job)
    seconds = time.perf_counter() - began
    return _Taken(done.seconds / max(1, done.iterations), seconds, done.iterations)


def main(
    rounds: Annotated[int, typer.Option(min=1)] = 5,
    iterations: Annotated[int | None, typer.Option(help="default: the model's")] = None,
    model: str = DRAWN,
    as_json: AsJson = False,
) -> None:
    """Compare a worker in a Ray cluster with one on this machine."""
    request = make_request("a red circle", model=model, seed=0, iterations=iterations)
    with exit_on(EngineError, ImportError), tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(measure(request, Path(folder), rounds))
    print_figures(asdict(found), as_json)


if __name__ == "__main__":
    typer.run(main)
