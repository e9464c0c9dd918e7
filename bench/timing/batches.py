"""Jobs one after the other and together: ``python -m bench.timing.batches --jobs 8 --json``.

Both ways step paintings of the same prompts in turn, in one process. The ratio is that of their
throughput: 1.5 means that jobs that are stepped together take two thirds of the time. ``costs`` is
how many single pictures all of them together cost; a grid has four: ``--jobs 4``.
"""

from __future__ import annotations

import statistics
import time
from typing import Annotated

import typer

from bench.common.cli import AsJson, print_figures
from bench.timing.alternate import alternate, ratio_of
from bench.timing.subjects import wait_for
from engine.models import Models, load_models
from engine.painting.batch import step_together
from engine.painting.pipeline import prepare
from engine.painting.synthesis import Synthesis
from engine.request.defaults import DEFAULT_MODEL
from engine.request.request import make_request


def measure(
    models: Models, jobs: int, rounds: int, iterations: int, *, cpu_time: bool = False
) -> dict[str, object]:
    """Milliseconds of an iteration of one job, both ways, and their ratio."""
    alone, together = _paintings(models, jobs), _paintings(models, jobs)

    def one_after_the_other() -> None:
        for painting in alone:
            painting.step()

    def at_once() -> None:
        for outcome in step_together(together, _raised):
            if isinstance(outcome, Exception):
                raise outcome

    steps = {"alone": one_after_the_other, "together": at_once}
    for step in steps.values():
        step()
    clock = time.process_time if cpu_time else time.perf_counter
    seconds = alternate(steps, rounds, iterations, lambda: wait_for(str(models.device)), clock)
    return {
        "model": models.name,
        "precision": models.precision,
        "jobs": jobs,
        **{
            f"{name}_ms": round(statistics.median(each) / jobs * 1000, 1)
            for name, each in seconds.items()
        },
        **ratio_of(seconds["alone"], seconds["together"]),
        "costs": round(
            jobs * statistics.median(seconds["together"]) / statistics.median(seconds["alone"]), 2
        ),
    }


def _paintings(models: Models, jobs: int) -> list[Synthesis]:
    requests = [
        make_request(f"a boat, number {i}", model=models.name, seed=i, iterations=400)
        for i in range(jobs)
    ]
    return [prepare(request, models, check_memory=False) for request in requests]


def _raised(error: Exception) -> None:
    raise error


def main(
    model: Annotated[str, typer.Option(help="the model that paints")] = DEFAULT_MODEL,
    device: Annotated[str, typer.Option(help="cpu, cuda, ...")] = "auto",
    jobs: Annotated[int, typer.Option(help="how many at once")] = 8,
    rounds: Annotated[int, typer.Option(help="turns of each way")] = 3,
    iterations: Annotated[int, typer.Option(help="in each turn")] = 1,
    cpu_time: Annotated[
        bool, typer.Option("--cpu-time", help="count CPU seconds, for a machine that is not quiet")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Compare the throughput of jobs one after the other and together."""
    models = load_models(model, device=device)
    print_figures(measure(models, jobs, rounds, iterations, cpu_time=cpu_time), as_json)


if __name__ == "__main__":
    typer.run(main)
