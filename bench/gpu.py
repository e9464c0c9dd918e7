"""What a GPU does with the engine at full size: ``bench/gpu.sh``, at most 8 minutes.

Random weights in the published layout, VQGAN f16-16384 and CLIP ViT-B/32, the paper's recipe.
``--out`` gets one JSON, written again after each section, so that a run that is cut short leaves
what it had:

- ``correctness``: losses and gradient of the first step against float32 on the CPU, and the losses
  of 20 iterations in ``--precision`` against float32;
- ``bit_equality``: whether two runs end in the same bits, and one that was saved and resumed;
- ``paper_256``, ``paper_480``: seconds and memory of 400 iterations, with the preview and the
  state that a worker would send;
- ``reference``: the ratio to the published loop in the same run (``bench.reference``), with CLIP in
  float32, and as its ``load`` makes it on a GPU, in float16; the share of the measured peak;
- ``throughput``: iterations a second of 1, 2, 4, 8 and 16 jobs;
- ``launches``: kernels and synchronisations of an iteration that is not replayed as a CUDA graph;
- ``graphs``: the same with and without CUDA graphs, with the ratio, the host's processor time, and
  whether both give the same bits;
- ``kernels``: an iteration with and without kernels of our own, neither replayed as a graph, and
  which of them have proved themselves.

A section that fails has an ``error`` instead, and the command then exits with 1.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from bench.timing.gpu_sections import (
    Plan,
    bit_equality,
    correctness,
    graphs,
    kernels,
    launches,
    paper,
    reference,
    throughput,
)
from bench.timing.machine import machine
from bench.timing.subjects import Work
from bench.timing.weights import write_weights
from engine.errors import EngineError

FAILURES = (RuntimeError, ValueError, TypeError, AttributeError, ArithmeticError, EngineError)


@dataclass
class Report:
    """The JSON, written after each section; ``seconds`` is the time that all may take."""

    path: Path
    seconds: float
    sections: dict[str, Any] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.perf_counter)

    def add(self, name: str, measure: Callable[[], dict[str, Any]]) -> None:
        """Measure a section and write it, or why it is missing."""
        began = time.perf_counter()
        if began - self.began > self.seconds:
            self._write(name, {"error": "left out: the time is used up"})
            return
        print(f"{began - self.began:6.1f} s  {name}")
        try:
            result = measure()
        except FAILURES as error:
            result = {"error": f"{type(error).__name__}: {error}"}
        result["took_s"] = round(time.perf_counter() - began, 2)
        self._write(name, result)

    def _write(self, name: str, result: dict[str, Any]) -> None:
        self.sections[name] = result
        if "error" in result or result.get("ok") is False:
            self.failed.append(name)
            print(f"          {name} failed: {result.get('error', result)}")
        data = {**self.sections, "failed": self.failed}
        temporary = self.path.with_suffix(".part")
        temporary.write_text(json.dumps(data, indent=2) + "\n", "utf-8")
        temporary.replace(self.path)


def main(
    device: Annotated[str, typer.Option(help="cuda, cuda:1, or cpu")] = "cuda",
    precision: Annotated[str, typer.Option(help="bf16 or float32")] = "bf16",
    small: Annotated[bool, typer.Option("--small", help="tiny networks, to try it")] = False,
    seconds: Annotated[float, typer.Option(help="no section begins later than this")] = 400,
    out: Annotated[Path, typer.Option(help="the JSON")] = Path("gpu.json"),
    only: Annotated[list[str] | None, typer.Option(help="only these sections")] = None,
) -> None:
    """Measure all sections, one after the other."""
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise typer.BadParameter("PyTorch finds no GPU here; --device cpu --small tries the script")
    plan = Plan.tiny() if small else Plan()
    report = Report(out, seconds)
    with tempfile.TemporaryDirectory() as name:
        work = Work(Path(name), plan.side, plan.cutouts, device, precision, small=small)
        report.add("machine", lambda: machine(device))
        write_weights(work.folder, work.sizes)
        sections: dict[str, Callable[[], dict[str, Any]]] = {
            "correctness": lambda: correctness(work, plan),
            "bit_equality": lambda: bit_equality(work, plan),
            "paper_256": lambda: paper(work, plan, plan.side),
            "reference": lambda: reference(work, plan),
            "throughput": lambda: throughput(work, plan),
            "paper_480": lambda: paper(work, plan, plan.large_side),
            "launches": lambda: launches(work),
            "graphs": lambda: graphs(work, plan),
            "kernels": lambda: kernels(work, plan),
        }
        for each, measure in sections.items():
            if not only or each in only:
                report.add(each, measure)
    print(f"{time.perf_counter() - report.began:6.1f} s  {out}")
    if report.failed:
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
