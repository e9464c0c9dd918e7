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
    process = subprocess.Popen(command)  # noqa: S603 -- a fixed command without foreign input
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


def measure_embedded(model: str, runs: int) -> dict[str, Any]:
    """Medians of ``runs``; one extra run warms the disk cache and does not count."""
    with tempfile.TemporaryDirectory() as name:
        results = [run_once(Path(name), seed, model) for seed in range(runs + 1)][1:]
    picture, preview, peak = (statistics.median(each) for each in zip(*results, strict=True))
    return {
        "picture_s": round(picture, 2),
        "first_preview_s": round(preview, 2),
        "peak_mb": round(peak),
    }
