"""What a command's start costs, from Enter: ``python -m bench.timing.startup --json``.

A new process notes the moments at which the command has its modules, PyTorch, its models, the
prepared painting, and its first iterations. Times are in seconds since the process was started;
medians of ``--runs``.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from typing import Annotated

import typer

from bench.common.cli import AsJson, print_figures
from engine.request.defaults import DEFAULT_MODEL

# What `imagine` does on its way to the first preview, without what it prints and writes.
_CHILD = """
import json, sys, time
began, model, moments = float(sys.argv[1]), sys.argv[2], {}
def reached(name):
    moments[name] = time.time() - began
reached("interpreter")
import engine
reached("import_engine")
from engine.garbage import pause_collection, resume_collection
pause_collection()
import engine.cli.imagine
reached("import_command")
import torch
reached("import_torch")
from engine.models import load_models
from engine.painting.pipeline import prepare
from engine.request.request import ImageRequest
reached("import_painting")
models = load_models(model)
resume_collection()
reached("models_loaded")
painting = prepare(ImageRequest(prompt="a castle on a hill", model=model, seed=1), models)
reached("prepared")
for number in (1, 2, 3):
    painting.step()
    reached(f"iteration_{number}")
print(json.dumps(moments))
"""


def environment() -> dict[str, str]:
    """That of a person, whose Python keeps what it compiled; the first run makes it."""
    return {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def measure_startup(model: str, runs: int) -> dict[str, float]:
    """Seconds until each moment, by its name, in order; one extra run does not count."""
    found: list[dict[str, float]] = []
    for _ in range(runs + 1):
        result = subprocess.run(  # noqa: S603 -- a fixed command without foreign input
            [sys.executable, "-c", _CHILD, repr(time.time()), model],
            env=environment(),
            check=True,
            capture_output=True,
            text=True,
        )
        found.append(json.loads(result.stdout))
    return {
        name: round(statistics.median(each[name] for each in found[1:]), 3) for name in found[0]
    }


def main(
    model: Annotated[str, typer.Option(help="the model")] = DEFAULT_MODEL,
    runs: Annotated[int, typer.Option(help="new processes")] = 3,
    as_json: AsJson = False,
) -> None:
    """Measure the start."""
    print_figures(measure_startup(model, runs), as_json)


if __name__ == "__main__":
    typer.run(main)
