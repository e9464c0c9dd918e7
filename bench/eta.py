"""Is the time right that people are told when they ask?

``python -m bench.eta`` prints ``{"jobs", "first", "restarted", "median_error", "p90_error",
"told_over_took"}`` as JSON: the queue, the store and the worker process are the real ones. Four
people ask for pictures of different sizes and lengths, some while nothing waits and some in a
burst. For each job, what its asker is told first is compared with the time that passed. An error
is |told - took| / took.
``first`` is told / took of the first job of all, which waits for the model to load and before
which nothing was measured; ``restarted`` is that of the first job after a restart, asked for once
the worker is ready. They do not count in the others.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from bench.common.jobs import painted
from bench.common.model_names import DRAWN
from data import Store
from engine.errors import EngineError
from engine.events import Queued
from engine.jobs.job import Place
from engine.jobs.queue import PaintQueue
from engine.request.request import ImageRequest, make_request

_PEOPLE = 4
_SIZES = (64, 96, 128)
_LOOK_SECONDS = 0.1
_BURST = 3  # jobs that are asked for at once, every other time


async def measure(
    base: ImageRequest,
    folder: Path,
    jobs: int,
    *,
    longest: int,
    seed: int = 0,
    in_process: bool = False,
) -> dict[str, Any]:
    """Ask for ``jobs`` pictures of up to ``longest`` iterations after a first one.

    Raises EngineError if one is not painted.
    """
    draws = random.Random(seed)
    async with _running(folder, base.model, in_process=in_process) as queue:
        first = await _ask(queue, base.changed(iterations=longest), 0)
        ratios, left = [], jobs
        while left > 0:
            burst = min(left, _BURST if left % 2 else 1)
            left -= burst
            asked = []
            for _ in range(burst):
                side = draws.choice(_SIZES)
                request = base.changed(
                    width=side,
                    height=side,
                    iterations=draws.randint(max(1, longest // 4), longest),
                    seed=draws.randrange(1000),
                )
                asked.append(_ask(queue, request, draws.randrange(_PEOPLE)))
            ratios += await asyncio.gather(*asked)
    async with _running(folder, base.model, in_process=in_process) as queue:
        while any(worker.device is None for worker in queue.workers()):  # noqa: ASYNC110  nothing tells
            await asyncio.sleep(_LOOK_SECONDS)
        restarted = await _ask(queue, base.changed(iterations=longest), 0)
    errors = sorted(abs(ratio - 1) for ratio in ratios)
    return {
        "jobs": jobs,
        "first": round(first, 2),
        "restarted": round(restarted, 2),
        "median_error": round(statistics.median(errors), 3),
        "p90_error": round(errors[int(0.9 * (len(errors) - 1))], 3),
        "told_over_took": round(statistics.median(ratios), 3),
    }


@contextlib.asynccontextmanager
async def _running(folder: Path, model: str, *, in_process: bool) -> AsyncIterator[PaintQueue]:
    """A store and a queue on the folder, closed as the bot closes them."""
    store = await Store.open(folder)
    queue = PaintQueue(store, preload=model, in_process=in_process)
    await queue.start()
    try:
        yield queue
    finally:
        await queue.close()
        await store.close()


async def _ask(queue: PaintQueue, request: ImageRequest, person: int) -> float:
    """What was told / what it took, of one job."""
    began = time.perf_counter()
    job = await queue.submit(request, person=str(person), place=Place(None, str(person)))
    told = job.latest.eta if isinstance(job.latest, Queued) else None
    await painted(job)
    if not told:
        raise EngineError("No time was told.")
    return told / (time.perf_counter() - began)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; returns 2 if painting fails."""
    parser = argparse.ArgumentParser(prog="python -m bench.eta", description="Compare ETAs.")
    parser.add_argument("--jobs", type=int, default=20, help="how many (default: 20)")
    parser.add_argument("--model", default=DRAWN, help="the model that paints")
    parser.add_argument("--longest", type=int, default=40, help="iterations (default: 40)")
    parser.add_argument("--seed", type=int, default=0, help="of who asks for what (default: 0)")
    options = parser.parse_args(arguments)
    try:
        base = make_request("a red circle", model=options.model, seed=0)
        with tempfile.TemporaryDirectory(prefix="imagine-bot-eta-") as folder:
            figures = asyncio.run(
                measure(
                    base, Path(folder), options.jobs, longest=options.longest, seed=options.seed
                )
            )
    except EngineError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
