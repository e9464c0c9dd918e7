"""How long a person waits: ``python -m bench.speed --json``.

Runs the whole command, ``imagine "..."`` with the defaults of ``--model``, as a fresh process each
time, and gives medians: seconds from Enter to the finished picture and to the first preview file,
and the peak resident memory of the process.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

from engine.request.defaults import DEFAULT_MODEL

PROMPT = "a castle on a hill"


def run_once(folder: Path, seed: int, model: str) -> tuple[float, float, float]:
    """(seconds to the picture, seconds to the first preview, peak resident MB) of one run."""
    picture, preview = folder / f"{seed}.png", folder / f"{seed}.preview.png"
    command = [sys.executable, "-m", "engine", PROMPT, "-o", str(picture), "--preview",
               str(preview), "--seed", str(seed), "--model", model, "--quiet"]
    began = time.perf_counter()
    process = subprocess.Popen(command)  # noqa: S603 -- our own command, nobody's input
    first = 0.0
    while process.poll() is None and not first:
        if preview.exists():
            first = time.perf_counter() - began
        time.sleep(0.01)
    _, status, usage = os.wait4(process.pid, 0) if process.returncode is None else (0, 0, None)
    seconds = time.perf_counter() - began
    if status or not picture.exists() or usage is None or not first:
        raise SystemExit(f"The command failed or painted no preview: {' '.join(command)}")
    return seconds, first, usage.ru_maxrss / 1024


def main(runs: int = 5, model: str = DEFAULT_MODEL,
         as_json: Annotated[bool, typer.Option("--json", help="print JSON alone")] = False) -> None:
    """Time the default painting; the first of the runs warms the disk cache and is dropped."""
    with tempfile.TemporaryDirectory() as name:
        taken = [run_once(Path(name), seed, model) for seed in range(runs + 1)][1:]
    picture, preview, peak = (statistics.median(each) for each in zip(*taken, strict=True))
    result = {model: {"picture_s": round(picture, 2), "first_preview_s": round(preview, 2),
                      "peak_mb": round(peak)}}
    print(json.dumps(result) if as_json else json.dumps(result, indent=2))


if __name__ == "__main__":
    typer.run(main)
