"""The memory of an iteration, measured and planned: ``python -m bench.memory --json``.

Each combination of model, precision, size and cutouts runs two iterations in a process of its own.
``measured_mb`` is how far its resident memory rises above what it was with the model loaded;
``planned_mb`` is what engine.painting.footprint says, from which pictures that are too large are
refused. A published model that is not installed is measured with random weights. Linux and the CPU
only. ``--markdown`` prints the table of docs/memory.md.
"""

from __future__ import annotations

import ctypes
import gc
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated

import torch
import typer

from bench.common.cli import AsJson, print_result
from bench.timing.weights import FULL
from engine.errors import MissingModelError
from engine.models import Member, Models, load_models
from engine.models.generators.taming import VQGenerator, VQModel
from engine.models.perceptors.ensemble import Ensemble
from engine.models.perceptors.openai_clip import ClipPerceptor, new_clip
from engine.painting.footprint import footprint_of
from engine.painting.synthesis import Synthesis
from engine.request.ensemble import parse_perceptors
from engine.request.prompt import Prompt
from engine.request.recipe import Recipe, make_recipe


@dataclass(frozen=True)
class Case:
    """What one process measures; ``size`` is the picture's side in pixels.

    ``model`` can name several perceptors: "imagenet-16384/ViT-B-32,ViT-B-16".
    """

    model: str
    precision: str
    size: int
    cutouts: int
    passes: int = 1
    recompute: bool = False


# From little to much, with the sizes and cutouts that people use.
CASES = (
    Case("natural", "float32", 256, 8),
    Case("natural", "float32", 512, 2),
    Case("natural", "float32", 512, 2, recompute=True),
    Case("natural", "bf16", 512, 2),
    Case("drawn", "float32", 512, 2),
    Case("natural-fourier", "float32", 512, 2),
    *(
        Case("imagenet-16384", precision, size, cutouts, passes, recompute)
        for precision, size, cutouts, passes, recompute in (
            ("float32", 256, 1, 1, False),
            ("float32", 256, 16, 1, False),
            ("float32", 256, 1, 1, True),
            ("bf16", 256, 1, 1, False),
            ("float32", 512, 1, 1, False),
            ("bf16", 512, 1, 1, False),
            ("bf16", 512, 1, 1, True),
            ("float32", 512, 32, 1, False),
            ("bf16", 1024, 32, 4, True),
            ("float32", 1024, 32, 4, True),
            ("float32", 1024, 32, 1, False),
        )
    ),
)

# The largest perceptor of an ensemble alone, and the ensemble; see docs/memory.md.
ENSEMBLE = (
    Case("imagenet-16384/ViT-B-16", "float32", 256, 8),
    Case("imagenet-16384/ViT-B-16,ViT-B-32,RN50", "float32", 256, 8),
)


def measure(case: Case) -> dict[str, object]:
    """Run ``case`` in this process, which must be a new one, and compare with the plan."""
    models = _models(case)
    recipe = make_recipe(
        "default", models.defaults, width=case.size, height=case.size, cutouts=case.cutouts
    )
    measured, planned = measure_iterations(models, recipe, case.passes, case.recompute)
    return {
        "model": case.model,
        "precision": case.precision,
        "size": case.size,
        "cutouts": case.cutouts,
        "passes": case.passes,
        "recompute": "yes" if case.recompute else "no",
        "measured_mb": round(measured / 1e6),
        "planned_mb": round(planned / 1e6),
        "ratio": round(planned / measured, 2),
    }


def measure_iterations(
    models: Models, recipe: Recipe, passes: int = 1, recompute: bool = False
) -> tuple[int, int]:
    """The bytes of two iterations, measured and planned; a process can measure this once."""
    prompt = [Prompt("a castle on a hill")]
    footprint = footprint_of(
        models.generator, models.perceptor, recipe, recipe.augmentation, recompute
    )
    # A first small one loads what is loaded on first use.
    small = replace(recipe, width=64, height=64, augmentation=replace(recipe.augmentation, count=1))
    Synthesis(models.generator, models.perceptor, prompt, small, 1).step()
    painting = Synthesis(models.generator, models.perceptor, prompt, recipe, 1)
    painting.recovery.plan(passes, recompute)
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    before = _resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5", "ascii")  # forgets the peak so far
    painting.step()
    painting.step()
    measured = _resident("VmHWM") - before
    cutouts = -(-recipe.augmentation.count // passes)
    return measured, footprint.peak(recipe.width, recipe.height, cutouts)


def measure_apart(case: Case) -> dict[str, object]:
    """:meth:`measure` in a new process."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(measure, case).result()


def _models(case: Case) -> Models:
    try:
        return load_models(case.model, device="cpu", precision=case.precision)
    except MissingModelError:
        if not case.model.startswith("imagenet-16384"):
            raise
    sys.stderr.write(f"{case.model} is not installed; its weights are random.\n")
    generator = VQGenerator(VQModel(FULL.ddconfig, FULL.n_embed, FULL.embed_dim))
    names = case.model.partition("/")[2] or "ViT-B-32"
    members = [Member(_clip(name), weight) for name, weight in parse_perceptors(names)]
    if case.precision == "bf16":
        generator.decode_in_bf16()
        for perceptor, _ in members:
            perceptor.encode_in_bf16()
    return Models(
        case.model,
        generator.eval().requires_grad_(False),
        members[0].perceptor if len(members) == 1 else Ensemble(members),
        {},
        torch.device("cpu"),
        precision=case.precision,
    )


def _clip(name: str) -> ClipPerceptor:
    """A CLIP of OpenAI's architecture ``name`` with random weights."""
    make = partial(new_clip, text_width=512, text_layers=12, context_length=77, resolution=224)
    if name == "RN50":
        clip = make(embed_dim=1024, vision_width=64, vision_layers=(3, 4, 6, 3))
    else:
        patch = int(name.removeprefix("ViT-B-"))
        clip = make(embed_dim=512, patch=patch, vision_width=768, vision_layers=12)
    return ClipPerceptor(clip).eval().requires_grad_(False)


def _resident(name: str) -> int:
    for line in Path("/proc/self/status").read_text("utf-8").splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    raise SystemExit("Linux's /proc/self/status is needed to measure memory.")


def main(
    model: Annotated[str, typer.Option(help="Only this model.")] = "",
    ensemble: Annotated[
        bool, typer.Option("--ensemble", help="Three perceptors and the largest of them alone.")
    ] = False,
    markdown: Annotated[bool, typer.Option(help="Print a table.")] = False,
    as_json: AsJson = False,
) -> None:
    """Measure all cases, one after the other."""
    cases = ENSEMBLE if ensemble else CASES
    rows = [measure_apart(case) for case in cases if model in ("", case.model)]
    if not markdown:
        print_result({"rows": rows}, as_json)
        return
    lines: list[list[object]] = [list(rows[0]), ["---"] * len(rows[0])]
    lines += [list(row.values()) for row in rows]
    for line in lines:
        sys.stdout.write("| " + " | ".join(str(value) for value in line) + " |\n")


if __name__ == "__main__":
    typer.run(main)
