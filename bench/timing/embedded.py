"""How long a person waits for a picture of an included model, from Enter."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.timing.apart import run_apart
from bench.timing.startup import environment, measure_startup

PROMPT = "a castle on a hill"


def run_once(folder: Path, seed: int, model: str) -> tuple[float, float, float]:
    """(seconds to the picture, seconds to the first preview, peak resident MB) of one run."""
    picture, preview = folder / f"{seed}.png", folder / f"{seed}.preview.png"
    command = [
        sys.executable,
        "-m",
        "engine",
        PROMPT,
        "-o",
        str(picture),
        "--preview",
        str(preview),
        "--seed",
        str(seed),
        "--model",
        model,
        "--quiet",
    ]
    started = time.perf_counter()
    process = subprocess.Popen(command, env=environment())  # noqa: S603 -- a fixed command without foreign input
    first = 0.0
    while process.poll() is None and not first:
        if preview.exists():
            first = time.perf_counter() - started
        time.sleep(0.01)
    _, status, usage = os.wait4(process.pid, 0) if process.returncode is None else (0, 0, None)
    seconds = time.perf_counter() - started
    if status or not picture.exists() or usage is None or not first:
        raise SystemExit(f"The command failed or wrote no preview: {' '.join(command)}")
    return seconds, first, usage.ru_maxrss / 1024


def measure_embedded(model: str, runs: int, *, parts: bool = True) -> dict[str, Any]:
    """Medians of ``runs``; one extra run warms the disk cache and does not count.

    With ``parts``, also what the start costs, and the parts of an iteration.
    """
    with tempfile.TemporaryDirectory() as name:
        results = [run_once(Path(name), seed, model) for seed in range(runs + 1)][1:]
    picture, preview, peak = (statistics.median(each) for each in zip(*results, strict=True))
    figures: dict[str, Any] = {
        "picture_s": round(picture, 2),
        "first_preview_s": round(preview, 2),
        "peak_mb": round(peak),
    }
    if parts:
        figures["startup"] = measure_startup(model, runs)
        figures["parts"] = run_apart(iteration_parts, model)
    return figures


def iteration_parts(model: str, iterations: int = 5) -> dict[str, dict[str, float]]:
    """Seconds of the parts of an iteration, "early" and "late" in the painting.

    Some models take fewer and smaller cutouts at first.
    """
    from bench.timing.parts import seconds_of_parts
    from engine.models import load_models
    from engine.painting.pipeline import prepare
    from engine.request.request import ImageRequest

    models = load_models(model)
    painting = prepare(ImageRequest(prompt=PROMPT, model=model, seed=1), models)
    found = {}
    for when, start in (("early", 0), ("late", painting.recipe.iterations * 3 // 4)):
        painting.iteration = start
        painting.step()
        seconds = seconds_of_parts(painting, iterations)
        found[when] = {part: round(each, 4) for part, each in seconds.items()}
    return found
