"""Two hundred jobs from twenty people: is the queue fair, the event loop free?

``python -m bench.load --json`` prints ``{"jobs", "finished", "lag_p99_ms",
"longest_wait_over_fair_share"}``. The queue, the store (SQLite, in a temporary folder) and the
worker process are the real ones; ``--devices cpu,cpu`` starts two. Each job has a subscriber, as in
the bot.

Two people ask for a fifth of all pictures each, then eight for a twentieth, then ten for a
fiftieth: those with the most jobs come first. The fair wait for n pictures is the time in which
everyone gets n pictures, or all of theirs if they asked for fewer: the sum over people of min(n,
theirs), times the time of one picture. The figure is the longest wait divided by the fair wait;
first come, first served would give 2.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.common.jobs import ending_of, painted
from bench.common.model_names import DRAWN
from data import Store
from engine.errors import EngineError
from engine.events import Done
from engine.jobs.job import Place
from engine.jobs.queue import PaintQueue
from engine.request.request import ImageRequest, make_request

_INTERVAL = 0.005  # seconds between two measurements of the lag
_SHARES = [0.2] * 2 + [0.05] * 8 + [0.02] * 10  # those with the most jobs come first


@dataclass(frozen=True)
class Load:
    """The figures. The lag is that of the event loop while jobs run, in milliseconds."""

    jobs: int
    finished: int
    lag_p99_ms: float
    longest_wait_over_fair_share: float


async def measure(
    request: ImageRequest, folder: Path, jobs: int = 200, devices: str = "auto"
) -> Load:
    """Paint ``jobs`` pictures for twenty people. Raises EngineError if painting fails."""
    wanted = {f"person {i}": max(1, round(jobs * share)) for i, share in enumerate(_SHARES)}
    store = await Store.open(folder)
    queue = PaintQueue(store, preload=request.model, device=devices, preview_every=0.2)
    await queue.start()
    try:
        await _warm_up(queue, request)
        lags: list[float] = []
        measuring = asyncio.create_task(_measure_lag(lags))
        started = time.perf_counter()
        people = [await _submit(queue, request, person, count) for person, count in wanted.items()]
        results = await asyncio.gather(*people)
        seconds = time.perf_counter() - started
        measuring.cancel()
    finally:
        await queue.close()
        await store.close()
    total = sum(wanted.values())
    finished = sum(done for done, _ in results)
    ratios = []
    for (_, wait), count in zip(results, wanted.values(), strict=True):
        share = sum(min(count, other) for other in wanted.values())
        ratios.append(wait / (share * seconds / total))
    lags.sort()
    return Load(
        total, finished, round(lags[int(len(lags) * 0.99)] * 1000, 2), round(max(ratios), 3)
    )


async def _warm_up(queue: PaintQueue, request: ImageRequest) -> None:
    """Paint one picture that does not count: it waits for the model to load."""
    job = await queue.submit(request, person="nobody", place=Place(None, "0"))
    await painted(job)


async def _submit(
    queue: PaintQueue, request: ImageRequest, person: str, count: int
) -> asyncio.Task[tuple[int, float]]:
    """Queue ``count`` jobs; the task returns the number of pictures and the seconds they took."""
    started = time.perf_counter()
    jobs = [
        await queue.submit(request.changed(seed=seed), person=person, place=Place(None, person))
        for seed in range(count)
    ]

    async def wait_for_all() -> tuple[int, float]:
        endings = await asyncio.gather(*map(ending_of, jobs))
        done = sum(isinstance(ending, Done) for ending in endings)
        return done, time.perf_counter() - started

    return asyncio.create_task(wait_for_all())


async def _measure_lag(lags: list[float]) -> None:
    while True:
        before = time.perf_counter()
        await asyncio.sleep(_INTERVAL)
        lags.append(time.perf_counter() - before - _INTERVAL)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; returns 2 if painting fails."""
    parser = argparse.ArgumentParser(prog="python -m bench.load", description="Queue many jobs.")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--jobs", type=int, default=200, help="how many, roughly (default: 200)")
    parser.add_argument("--model", default=DRAWN, help="the model that paints")
    parser.add_argument("--iterations", type=int, default=2, help="per job (default: 2)")
    parser.add_argument("--devices", default="auto", help="such as cpu,cpu or all (default: auto)")
    options = parser.parse_args(arguments)
    try:
        request = make_request(
            "a red circle",
            model=options.model,
            width=64,
            height=64,
            iterations=options.iterations,
            cutouts=4,
            seed=0,
        )
        with tempfile.TemporaryDirectory(prefix="imagine-bot-load-") as folder:
            load = asyncio.run(measure(request, Path(folder), options.jobs, options.devices))
    except EngineError as error:
        print(error, file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(asdict(load)))
    else:
        print(
            f"{load.finished} of {load.jobs} jobs finished; the event loop lagged "
            f"{load.lag_p99_ms} ms (p99); the longest wait was "
            f"{load.longest_wait_over_fair_share} of a fair share"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
