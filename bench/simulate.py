"""How long people wait for pictures, by a simulation of the queue with any number of workers.

``python -m bench.simulate --workers 10 --seconds 30 --load 0.8 --json`` prints ``{"workers",
"load", "jobs", "jobs_a_day", "median_wait", "p95_wait", "light_p95_wait", "utilisation"}``.
``--workers 1,10,100`` gives a list. Line and Placing of engine.jobs decide; only the seconds of
painting are drawn: with ``--spread s`` log-normally, so that a job of twice the iterations is as
likely as one of half, with ``--spread exponential`` as in the formulas.

``--real`` compares it with the real queue: tiny jobs go through the real queue, store and worker,
and the simulation gets the same requests and what was measured of painting, and says how long they
wait: ``{"measured", "real", "predicted", "replayed", "difference", "difference_replayed"}``, the
last two as shares of the real figures.

``--queue`` prints what the order of the queue itself costs by the number of waiting jobs and of
workers, in milliseconds of CPU for each start: ``{"waiting", "workers"}``.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Annotated, Any

import typer

from bench.common.cli import AsJson, exit_on, print_result
from bench.common.model_names import DRAWN
from bench.scale.arrivals import Arrival, People, arrivals
from bench.scale.real import RealQueue, tiny_request
from bench.scale.scheduler import queue_costs
from bench.scale.simulation import Outcome, Service, exponential, in_order, like, quantile, simulate
from engine.errors import EngineError

app = typer.Typer(add_completion=False)
_LIGHT = 3  # who asked for at most so many pictures


def service_of(seconds: float, spread: str) -> Service:
    """Times of service with that mean; raises BadParameter for an unknown spread."""
    if spread == "exponential":
        return exponential(seconds)
    try:
        sigma = float(spread)
    except ValueError:
        raise typer.BadParameter(f"{spread} is neither a number nor exponential") from None
    # The mean of a log-normal distribution is exp(mu + sigma^2 / 2).
    return lambda rng: seconds * rng.lognormvariate(-sigma * sigma / 2, sigma)


def figures(outcome: Outcome, load: float) -> dict[str, Any]:
    """What people see of a simulation, in seconds; light people asked for few pictures."""
    counts = Counter(job.person for job in outcome.jobs)
    light = [job.wait for job in outcome.jobs if counts[job.person] <= _LIGHT]
    return {
        "workers": outcome.workers,
        "load": load,
        "jobs": len(outcome.jobs),
        "jobs_a_day": round(len(outcome.jobs) / outcome.seconds * 86400),
        "median_wait": round(outcome.wait(0.5), 1),
        "p95_wait": round(outcome.wait(0.95), 1),
        "light_p95_wait": round(quantile(light, 0.95), 1),
        "utilisation": round(outcome.utilisation, 3),
    }


def predict(
    asked: Sequence[Arrival],
    workers: int,
    measured: Sequence[float],
    latency: float = 0.0,
    repetitions: int = 20,
) -> dict[str, float]:
    """Throughput, median and p95 of the wait: the mean of some repetitions.

    Each draws other times of service from those ``measured``; ``latency`` is what a request waits
    if nobody else does.
    """
    found = [
        _three(simulate(asked, workers, like(measured), random.Random(seed)), latency)
        for seed in range(repetitions)
    ]
    return {name: mean(each[name] for each in found) for name in found[0]}


def _three(outcome: Outcome, latency: float = 0.0) -> dict[str, float]:
    return {
        "throughput": outcome.throughput,
        "median_wait": outcome.wait(0.5) + latency,
        "p95_wait": outcome.wait(0.95) + latency,
    }


async def compare(
    folder: Path, *, model: str, iterations: int, workers: int, load: float, jobs: int, seed: int
) -> dict[str, Mapping[str, float]]:
    """Make a run of ``jobs`` requests, and predict it; raises EngineError if painting fails.

    What the prediction knows of the run is when people asked, and how long jobs were painted, in
    any order: another program on the machine changes that from minute to minute. ``replayed`` has
    them in the order in which they started, so that minutes in which the machine was slow count.
    ``load`` is that of the run: where the machine gets faster after it was measured, it is lower
    than the one asked for, and below a half most wait for nobody, but for the store's writes.
    """
    async with RealQueue(tiny_request(model, iterations), folder, workers) as queue:
        before, gap = await queue.warm_up(max(10, jobs // 5))
        latency = await queue.latency(pause=(mean(before) + gap) / load / 2)
        rate = load * workers / (mean(before) + gap)
        people = People(count=20)
        asked = arrivals(rate, jobs / rate, people, random.Random(seed))
        outcome = await queue.serve(asked)
    started = sorted(outcome.jobs, key=lambda job: job.asked + job.wait)
    during = [job.ended - job.asked - job.wait for job in started]
    real = _three(outcome)
    busy = [each + gap for each in during]
    predicted = predict(asked, workers, busy, latency)
    replayed = _three(simulate(asked, workers, in_order(busy), random.Random()), latency)
    return {
        "measured": {
            "jobs": len(asked),
            "service_before": mean(before),
            "service": mean(during),
            "gap": gap,
            "latency": latency,
            "load": outcome.utilisation,
        },
        "real": real,
        "predicted": predicted,
        "replayed": replayed,
        "difference": {name: predicted[name] / real[name] - 1 for name in real},
        "difference_replayed": {name: replayed[name] / real[name] - 1 for name in real},
    }


@app.command()
def main(
    workers: Annotated[str, typer.Option(help="how many, or several numbers: 1,10,100")] = "10",
    seconds: Annotated[float, typer.Option(help="mean seconds of painting of one job")] = 30.0,
    spread: Annotated[str, typer.Option(help="sigma of their logarithm, or exponential")] = "0.5",
    load: Annotated[float, typer.Option(help="the workers' busy share, below 1")] = 0.8,
    jobs: Annotated[int, typer.Option(help="how many for each number of workers")] = 5000,
    people: Annotated[int, typer.Option(help="how many ask")] = 1000,
    tail: Annotated[float, typer.Option(help="Zipf's exponent: who asks how often")] = 1.2,
    bursts: Annotated[float, typer.Option(help="mean seconds of a burst; 0: Poisson")] = 0.0,
    seed: Annotated[int, typer.Option(help="of all draws")] = 0,
    real: Annotated[bool, typer.Option("--real", help="compare with the real queue")] = False,
    model: Annotated[str, typer.Option(help="for --real")] = DRAWN,
    iterations: Annotated[int, typer.Option(help="of a job, for --real")] = 2,
    queue: Annotated[bool, typer.Option("--queue", help="what the queue's order costs")] = False,
    as_json: AsJson = False,
) -> None:
    """Simulate, or compare with the real queue, or measure the order."""
    numbers = [int(number) for number in workers.split(",")]
    if queue:
        print_result(queue_costs(), as_json)
    elif real:
        with exit_on(EngineError), tempfile.TemporaryDirectory(prefix="simulate-") as folder:
            print_result(
                asyncio.run(
                    compare(
                        Path(folder),
                        model=model,
                        iterations=iterations,
                        workers=numbers[0],
                        load=load,
                        jobs=jobs,
                        seed=seed,
                    )
                ),
                as_json,
            )
    else:
        service = service_of(seconds, spread)
        found = []
        for number in numbers:
            rng, rate = random.Random(seed), load * number / seconds
            asked = arrivals(rate, jobs / rate, People(people, tail), rng, bursts=bursts)
            found.append(figures(simulate(asked, number, service, rng), load))
        print_result({"simulated": found} if len(found) > 1 else found[0], as_json)


if __name__ == "__main__":
    app()
