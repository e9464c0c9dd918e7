"""How fast it paints: ``python -m bench.speed --json``.

``--part full`` runs the published loop (bench.reference) and the engine's in turn, in one process,
with the same random weights of full size: VQGAN f16-16384 and CLIP ViT-B/32. It takes some minutes
and 7 GB. Its figures, of one iteration:

- ``reference_s``, ``ours_s``: medians; ``ratio``: the median of how many times as long the
  published loop took in each round, ``ratio_range`` the smallest and largest;
- ``peak_mb``, ``reference_peak_mb``: memory, in a new process for each;
- ``share_of_peak``: the time that the products and convolutions would take at the machine's best,
  measured in the same run (``peak_gflops``), as a share of ``ours_s``;
- ``parts``: the same by part, in passes of their own. ``backward`` is the sum of the three after
  it; ``preview`` and ``save`` happen only now and then.

``--part embedded`` runs the whole command, ``imagine "..."``, with the defaults of the included
models, in a new process each time. Printed are medians: seconds from Enter to the finished picture
and to the first preview file, and the peak resident memory of the process. The figures of the
default model are on top, those of each model under ``models``, with what its start costs
(bench.timing.startup) and the parts of an iteration, early and late.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from bench.common.cli import AsJson, print_result
from bench.common.model_names import DRAWN
from engine.request.defaults import DEFAULT_MODEL

_PARTS = ("all", "full", "embedded")
_FIGURES = ("picture_s", "first_preview_s", "peak_mb")


def full(
    *,
    side: int,
    cutouts: int,
    device: str,
    precision: str,
    threads: int,
    small: bool,
    rounds: int,
    iterations: int,
    parts: bool,
    memory: bool,
) -> dict[str, Any]:
    """The part "full", with weights that are written into a temporary folder."""
    import torch

    from bench.timing.full import Effort, measure_full
    from bench.timing.subjects import Work
    from bench.timing.weights import write_weights
    from engine.models.precision import choose_precision

    precision = choose_precision(precision, torch.device(device))
    with tempfile.TemporaryDirectory() as name:
        work = Work(Path(name), side, cutouts, device, precision, threads, small)
        write_weights(work.folder, work.sizes)
        return measure_full(work, Effort(rounds, iterations, parts, memory))


def embedded(runs: int, model: str | None, *, parts: bool) -> dict[str, Any]:
    """The part "embedded": of ``model``, or of the default and the drawn model."""
    from bench.timing.embedded import measure_embedded

    models = {
        name: measure_embedded(name, runs, parts=parts)
        for name in ((DEFAULT_MODEL, DRAWN) if model is None else (model,))
    }
    first = next(iter(models.values()))
    return {**{name: first[name] for name in _FIGURES}, "models": models}


def main(
    part: Annotated[str, typer.Option(help=", ".join(_PARTS))] = "all",
    runs: Annotated[int, typer.Option(help="embedded: pictures of each model")] = 5,
    model: Annotated[str | None, typer.Option(help="embedded: only this model")] = None,
    rounds: Annotated[int, typer.Option(help="full: alternations")] = 5,
    iterations: Annotated[int, typer.Option(help="full: iterations in each turn")] = 1,
    precision: Annotated[str, typer.Option(help="full: ours, as in the engine")] = "auto",
    side: Annotated[int, typer.Option(help="full: the picture's, in pixels")] = 256,
    cutouts: Annotated[int, typer.Option(help="full: in an iteration")] = 32,
    device: Annotated[str, typer.Option(help="full: cpu or cuda")] = "cpu",
    threads: Annotated[int, typer.Option(help="full: 0 is torch's number")] = 0,
    small: Annotated[bool, typer.Option("--small", help="full: tiny networks, for a try")] = False,
    parts: Annotated[bool, typer.Option(help="split an iteration by part")] = True,
    memory: Annotated[bool, typer.Option(help="full: measure memory")] = True,
    as_json: AsJson = False,
) -> None:
    """Measure the part or the parts."""
    if part not in _PARTS:
        raise typer.BadParameter(f"unknown part {part}; choose from {', '.join(_PARTS)}")
    result: dict[str, Any] = {}
    if part in ("all", "full"):
        result["full"] = full(
            side=side,
            cutouts=cutouts,
            device=device,
            precision=precision,
            threads=threads,
            small=small,
            rounds=rounds,
            iterations=iterations,
            parts=parts,
            memory=memory,
        )
    if part in ("all", "embedded"):
        result["embedded"] = embedded(runs, model, parts=parts)
    print_result(result, as_json)


if __name__ == "__main__":
    typer.run(main)
