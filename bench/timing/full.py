"""The published loop against the engine's, at full size: ``python -m bench.speed --part full``."""

from __future__ import annotations

import io
import statistics
import time
from dataclasses import dataclass
from typing import Any

import torch

from bench.reference import PublishedLoop
from bench.timing.alternate import alternate, ratio_of
from bench.timing.machine import machine
from bench.timing.memory import peak_mb
from bench.timing.parts import PARTS, flops_of_parts, seconds_of_parts
from bench.timing.peak import best_seconds, measure_peak
from bench.timing.subjects import Work, engine_loop, published_loop, wait_for
from engine.models.free_memory import keep_freed
from engine.painting.images import to_pil
from engine.painting.synthesis import Synthesis
from engine.worker.small_pictures import preview_of

_PREVIEW_SIDE = 512  # pixels, as in a worker


@dataclass(frozen=True)
class Effort:
    """How much is measured: alternations, iterations in each turn, and what else."""

    rounds: int = 5
    iterations: int = 1
    parts: bool = True
    memory: bool = True


def measure_full(work: Work, effort: Effort) -> dict[str, Any]:
    """The figures that ``bench.speed --part full`` prints; ``work.folder`` has the weights.

    Times are in seconds of one iteration, memory in MB. What was not measured is None.
    """
    result: dict[str, Any] = {
        "reference_s": None,
        "ours_s": None,
        "ratio": None,
        "ratio_range": None,
        "peak_mb": None,
        "reference_peak_mb": None,
        "share_of_peak": None,
        "parts": None,
    }
    # First, while this process is small: both need several gigabytes.
    if effort.memory:
        result["peak_mb"] = peak_mb(work, "ours")
        result["reference_peak_mb"] = peak_mb(work, "reference")
    work.use_threads()
    # As painting does where memory is free enough; both loops gain by it.
    keep_freed(not work.device.startswith("cuda"))
    published, ours = published_loop(work), engine_loop(work)
    flops = flops_of_parts(published)  # the first iteration of each loop warms it up
    ours.step()
    seconds = alternate(
        {"reference": published.step, "ours": ours.step},
        effort.rounds,
        effort.iterations,
        lambda: wait_for(work.device),
    )
    result["reference_s"] = round(statistics.median(seconds["reference"]), 4)
    result["ours_s"] = round(statistics.median(seconds["ours"]), 4)
    result |= ratio_of(seconds["reference"], seconds["ours"])
    result["seconds"] = {
        name: [round(each, 4) for each in values] for name, values in seconds.items()
    }
    peak = measure_peak(work.device, small=work.small)
    best = best_seconds(flops, peak, work.precision)
    result["share_of_peak"] = round(sum(best.values()) / result["ours_s"], 3)
    result["gflop"] = round(sum(flops[part] for part in best) / 1e9, 3)
    result["peak_gflops"] = {
        kind: {name: round(value / 1e9, 1) for name, value in rates.items()}
        for kind, rates in peak.items()
    }
    if effort.parts:
        result["parts"] = _parts(work, published, ours, flops, best)
    result["settings"] = {
        "side": work.side,
        "cutouts": work.cutouts,
        "precision": work.precision,
        "rounds": effort.rounds,
        "iterations": effort.iterations,
        **machine(work.device),
    }
    return result


def _parts(
    work: Work,
    published: PublishedLoop,
    ours: Synthesis,
    flops: dict[str, float],
    best: dict[str, float],
) -> dict[str, Any]:
    theirs = seconds_of_parts(published, 1, work.device)
    own = seconds_of_parts(ours, 1, work.device)
    theirs |= _watching_published(published, work)
    own |= watching_engine(ours, work)
    parts: dict[str, Any] = {}
    for part in (*PARTS, "preview", "save"):
        row = {
            "reference_s": round(theirs[part], 4),
            "ours_s": round(own[part], 4),
            "gflop": round(flops.get(part, 0) / 1e9, 3),
        }
        if part in best:
            row["share_of_peak"] = round(best[part] / max(own[part], 1e-9), 3)
        parts[part] = row
    return parts


def _watching_published(loop: PublishedLoop, work: Work) -> dict[str, float]:
    """Seconds of a preview, which decodes again, and of saving it as a PNG: both every 50th."""
    began = time.perf_counter()
    picture = loop.picture()
    wait_for(work.device)
    shown = time.perf_counter()
    to_pil(picture[0]).save(work.folder / "progress.png")
    return {"preview": shown - began, "save": time.perf_counter() - shown}


def watching_engine(loop: Synthesis, work: Work) -> dict[str, float]:
    """Seconds of a preview as a JPEG, and of saving the state, as a worker does."""
    iterate = loop.look()  # a worker has the picture of the last iteration at hand
    began = time.perf_counter()
    preview_of(iterate.to_pil(), _PREVIEW_SIDE)
    shown = time.perf_counter()
    file = io.BytesIO()
    torch.save(loop.state_dict(), file)
    (work.folder / "state.pt").write_bytes(file.getbuffer())
    return {"preview": shown - began, "save": time.perf_counter() - shown}
