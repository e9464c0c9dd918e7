"""How fast random numbers are drawn: ``python -m bench.random_numbers --json``.

``noise`` are the normal numbers of the noise of 32 cutouts of 224 px, 4.8 millions, and ``cutouts``
all numbers of these cutouts. ``ratio`` is how many times as long ``torch.randn`` takes for the
noise, with a generator of the same device; both take turns.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from itertools import count
from typing import Annotated, Any

import torch
import typer

from bench.common.cli import AsJson, print_result
from bench.timing.alternate import alternate, ratio_of
from bench.timing.machine import machine
from engine.painting.cutouts import draw_cutouts
from engine.random_numbers import Draws, Stream
from engine.request.recipe import Augmentation

SIDE = 224


def measure(device: str, rounds: int) -> dict[str, Any]:
    """The figures of :mod:`bench.random_numbers`."""
    augmentation = Augmentation()
    shape = (augmentation.count, 3, SIDE, SIDE)
    generator, numbers = torch.Generator(device).manual_seed(1), count()

    def wait() -> None:
        if device.startswith("cuda"):
            torch.cuda.synchronize(device)

    steps: dict[str, Callable[[], object]] = {
        "torch": lambda: torch.randn(shape, generator=generator, device=device),
        "noise": lambda: Draws(1, next(numbers), device=device).normal(Stream.GRAIN, shape),
        "cutouts": lambda: draw_cutouts(
            augmentation, 256, 256, SIDE, Draws(1, next(numbers), device=device)
        ),
    }
    for step in steps.values():
        step()
    seconds = alternate(steps, rounds, 3, wait)
    return {
        **{f"{name}_ms": round(statistics.median(each) * 1e3, 2) for name, each in seconds.items()},
        **ratio_of(seconds["torch"], seconds["noise"]),
        "machine": machine(device),
    }


def main(
    device: Annotated[str, typer.Option(help="cpu or cuda")] = "cpu",
    rounds: Annotated[int, typer.Option(min=1, help="turns of each")] = 9,
    as_json: AsJson = False,
) -> None:
    """Measure how fast random numbers are drawn."""
    print_result(measure(device, rounds), as_json)


if __name__ == "__main__":
    typer.run(main)
