"""The sections of ``bench.gpu``. Each returns its figures; ``ok`` is False if a bound is broken."""

from __future__ import annotations

import contextlib
import gc
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from bench.common.rounded import products_of_bf16
from bench.timing.alternate import alternate, ratio_of
from bench.timing.full import watching_engine
from bench.timing.memory import resident
from bench.timing.parts import flops_of_parts
from bench.timing.peak import best_seconds, measure_peak
from bench.timing.subjects import Work, engine_loop, published_loop, wait_for
from bench.timing.weights import load_engine
from engine.fused import choosing
from engine.models import Models
from engine.painting.batch import step_together
from engine.painting.graphs.registry import RECORDERS, status
from engine.painting.synthesis import Synthesis

# Convolutions of cuDNN round float32 to TF32, which has 10 bits, as published.
_FLOAT32_LOSS, _FLOAT32_GRADIENT = 1e-3, 5e-2
_LOSS = 0.01
# Calls of CUDA's that start work, as the profiler names them.
_STARTS = ("cudaLaunchKernel", "cuLaunchKernel", "cudaGraphLaunch", "cudaMemcpyAsync")
_BEFORE_REPLAY = 8  # iterations until one is recorded and has proved itself
_BEFORE_KERNELS = 2  # they are compiled and compared in the first


@dataclass(frozen=True)
class Plan:
    """How much each section does; sides in pixels."""

    side: int = 256
    large_side: int = 480
    cutouts: int = 32
    iterations: int = 400
    compared: int = 20
    repeated: int = 10
    rounds: int = 5
    turn: int = 5
    jobs: tuple[int, ...] = (1, 2, 4, 8, 16)
    job_iterations: int = 20

    @staticmethod
    def tiny() -> Plan:
        """The same with tiny networks."""
        return Plan(32, 48, 2, 40, 5, 4, 3, 2, (1, 2, 4), 5)


def correctness(work: Work, plan: Plan) -> dict[str, Any]:
    """The first step on the device against float32 on the CPU, then some iterations.

    A CPU without bf16 computes its products in another way; see :mod:`bench.common.rounded`.
    """
    with products_of_bf16(work.device):
        return _correctness(work, plan)


def _correctness(work: Work, plan: Plan) -> dict[str, Any]:
    true_loss, true_gradient = _first_step(replace(work, device="cpu", precision="float32"))
    result: dict[str, Any] = {"ok": True}
    for precision in dict.fromkeys(("float32", work.precision)):
        loss, gradient = _first_step(replace(work, precision=precision))
        error = (gradient - true_gradient).norm() / true_gradient.norm()
        same = torch.nn.functional.cosine_similarity(
            gradient.flatten(), true_gradient.flatten(), dim=0
        )
        result[precision] = {
            "loss_error": abs(loss / true_loss - 1),
            "gradient_error": float(error),
            "gradient_cosine": float(same),
        }
    exact = result["float32"]
    if exact["loss_error"] > _FLOAT32_LOSS or exact["gradient_error"] > _FLOAT32_GRADIENT:
        result["ok"] = False
    losses = {
        precision: _losses(replace(work, precision=precision), plan.compared)
        for precision in dict.fromkeys(("float32", work.precision))
    }
    pairs = zip(losses["float32"], losses[work.precision], strict=True)
    result["largest_loss_error"] = max(abs(b / a - 1) for a, b in pairs)
    result["iterations"] = plan.compared
    if result["largest_loss_error"] > _LOSS:
        result["ok"] = False
    return result


def _first_step(work: Work) -> tuple[float, Tensor]:
    painting = engine_loop(work)
    loss = painting.step().losses["total"]
    assert painting.latent.z.grad is not None
    return loss, painting.latent.z.grad.detach().to("cpu", torch.float64)


def _losses(work: Work, iterations: int) -> list[float]:
    painting = engine_loop(work)
    iterates = [painting.step() for _ in range(iterations)]
    return [iterate.losses["total"] for iterate in iterates]


def bit_equality(work: Work, plan: Plan) -> dict[str, Any]:
    """Two runs from one seed, and one that continues from a state that was saved half-way."""
    models = _load(work)
    first, second = engine_loop(work, models), engine_loop(work, models)
    _step(first, plan.repeated)
    _step(second, plan.repeated // 2)
    state = second.state_dict()
    _step(second, plan.repeated - plan.repeated // 2)
    resumed = engine_loop(work, models)
    resumed.load_state_dict(state)
    _step(resumed, plan.repeated - plan.repeated // 2)
    result = {
        "iterations": plan.repeated,
        "two_runs": torch.equal(first.latent.z, second.latent.z),
        "resumed": torch.equal(second.latent.z, resumed.latent.z),
        "largest_difference": float((first.latent.z - second.latent.z).detach().abs().max()),
    }
    return {**result, "ok": result["two_runs"] and result["resumed"]}


def paper(work: Work, plan: Plan, side: int) -> dict[str, Any]:
    """Seconds and memory of a whole picture, from the prepared painting to its last pixels."""
    work = replace(work, side=side)
    _forget(work)
    models = _load(work)
    loaded = time.perf_counter()
    painting = engine_loop(work, models)
    _step(painting, 1)
    wait_for(work.device)
    first = time.perf_counter() - loaded
    painting = engine_loop(work, models)
    wait_for(work.device)
    began = time.perf_counter()
    _step(painting, plan.iterations)
    picture = painting.look().to_pil()
    seconds = time.perf_counter() - began
    return {
        "iterations": plan.iterations,
        "size": list(picture.size),
        "first_iteration_s": round(first, 3),
        "picture_s": round(seconds, 3),
        "iteration_ms": round(seconds / plan.iterations * 1000, 3),
        "peak_mb": _peak_mb(work),
        **{f"{name}_s": round(each, 5) for name, each in watching_engine(painting, work).items()},
    }


def reference(work: Work, plan: Plan) -> dict[str, Any]:
    """The published loop in turn with the engine's, and the share of the machine's peak."""
    published, ours = published_loop(work), engine_loop(work)
    steps: dict[str, Callable[[], object]] = {"reference": published.step, "ours": ours.step}
    if work.device.startswith("cuda"):
        steps["reference_clip_half"] = published_loop(work, clip_half=True).step
    flops = flops_of_parts(published)
    for step in steps.values():
        step()
        step()
    seconds = alternate(steps, plan.rounds, plan.turn, lambda: wait_for(work.device))
    peak = measure_peak(work.device, small=work.small)
    best = sum(best_seconds(flops, peak, work.precision).values())
    middle = {name: statistics.median(values) for name, values in seconds.items()}
    result = {
        **{f"{name}_s": round(value, 5) for name, value in middle.items()},
        **ratio_of(seconds["reference"], seconds["ours"]),
        "share_of_peak": round(best / middle["ours"], 3),
        "peak_gflops": {
            kind: {name: round(value / 1e9) for name, value in rates.items()}
            for kind, rates in peak.items()
        },
    }
    if "reference_clip_half" in seconds:
        result["ratio_clip_half"] = ratio_of(seconds["reference_clip_half"], seconds["ours"])[
            "ratio"
        ]
    return result


def throughput(work: Work, plan: Plan) -> dict[str, Any]:
    """Iterations a second, of all jobs together, for each number of jobs."""
    models = _load(work)
    _step(engine_loop(work, models), 3)
    found: dict[str, Any] = {}
    for count in plan.jobs:
        _forget(work)
        jobs = [engine_loop(work, models, seed=seed) for seed in range(count)]
        wait_for(work.device)
        began = time.perf_counter()
        paint_jobs(jobs, plan.job_iterations)
        wait_for(work.device)
        seconds = time.perf_counter() - began
        found[str(count)] = {
            "iterations_per_s": round(count * plan.job_iterations / seconds, 3),
            "peak_mb": _peak_mb(work),
        }
    one = found["1"]["iterations_per_s"]
    for row in found.values():
        row["gain"] = round(row["iterations_per_s"] / one, 3)
    return {"jobs": found}


def paint_jobs(jobs: list[Synthesis], iterations: int) -> None:
    """Step all jobs together, as a worker does with jobs of one shape."""
    for _ in range(iterations):
        for outcome in step_together(jobs, _raised):
            if isinstance(outcome, Exception):
                raise outcome


def _raised(error: Exception) -> None:
    """Let a batch that fails end the section: its jobs would be stepped one after the other."""
    raise error


def launches(work: Work) -> dict[str, Any]:
    """How many kernels an iteration starts, and how often the CPU waits for the GPU in it."""
    if not work.device.startswith("cuda"):
        return {"kernels": None, "synchronisations": None}
    with _without_graphs():
        painting = engine_loop(work)
        _step(painting, 3)
        return _launched(painting, work)


def _launched(painting: Synthesis, work: Work) -> dict[str, Any]:
    """What one iteration starts: kernels on the GPU, and calls of the host that start something."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            painting.step()
        finally:
            torch.cuda.set_sync_debug_mode("default")
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as profiler:
        painting.step()
        wait_for(work.device)
    events = profiler.events() or ()
    return {
        "kernels": sum(str(event.device_type).endswith("CUDA") for event in events),
        "starts": sum(event.name.startswith(_STARTS) for event in events),
        "synchronisations": len(caught),
    }


def graphs(work: Work, plan: Plan) -> dict[str, Any]:
    """An iteration that is replayed as a CUDA graph next to the same without, in turn."""
    if not work.device.startswith("cuda"):
        return {"skipped": "iterations are recorded on a GPU only"}
    ours, plain, times = _in_turn(work, plan, _without_graphs, _BEFORE_REPLAY)
    ours.settle()
    plain.settle()
    same = torch.equal(ours.latent.z, plain.latent.z)
    found = status().get(str(torch.device(work.device)), {})
    if not found:
        found = next(iter(status().values()), {"recorded": 0, "refused": []})
    result: dict[str, Any] = {
        **times,
        "same_bits": same,
        **found,
        "ok": same and bool(found["recorded"]) and not found["refused"],
    }
    for name, painting, context in (
        ("with", ours, contextlib.nullcontext()),
        ("without", plain, _without_graphs()),
    ):
        with context:
            result |= {f"{name}_{key}": each for key, each in _launched(painting, work).items()}
            result[f"{name}_host_ms"] = round(_host_seconds(painting, plan.turn) * 1000, 3)
            wait_for(work.device)
    return result


def kernels(work: Work, plan: Plan) -> dict[str, Any]:
    """An iteration with kernels of our own (engine.fused) next to the same without, in turn."""
    if not work.device.startswith("cuda"):
        return {"skipped": "there are kernels for a GPU only"}
    with _without_graphs():
        ours, plain, times = _in_turn(work, plan, _without_kernels, _BEFORE_KERNELS)
        launched = {"with": _launched(ours, work)}
        with _without_kernels():
            launched["without"] = _launched(plain, work)
    used = next(iter(choosing.status().values()), {})
    return {
        **times,
        **{f"{name}_{key}": x for name, each in launched.items() for key, x in each.items()},
        "used": used,
        "ok": bool(used) and all(used.values()),
    }


def _in_turn(
    work: Work,
    plan: Plan,
    without: Callable[[], contextlib.AbstractContextManager[None]],
    before: int,
) -> tuple[Synthesis, Synthesis, dict[str, Any]]:
    """A painting with something and the same ``without`` it, stepped in turn; and their times.

    ``before`` iterations of each are not measured.
    """
    models = _load(work)
    ours, plain = engine_loop(work, models), engine_loop(work, models)

    def step_plainly() -> None:
        with without():
            plain.step()

    steps: dict[str, Callable[[], object]] = {"with": ours.step, "without": step_plainly}
    for _ in range(before):
        for step in steps.values():
            step()
    seconds = alternate(steps, plan.rounds, plan.turn, lambda: wait_for(work.device))
    times = {f"{name}_s": round(statistics.median(each), 5) for name, each in seconds.items()}
    return ours, plain, times | ratio_of(seconds["without"], seconds["with"])


def _host_seconds(painting: Synthesis, iterations: int) -> float:
    """Processor time of this thread for an iteration."""
    began = time.thread_time()
    _step(painting, iterations)
    return (time.thread_time() - began) / iterations


def _without_graphs() -> contextlib.AbstractContextManager[None]:
    """Nothing is recorded or replayed inside."""
    return _emptied(RECORDERS)


def _without_kernels() -> contextlib.AbstractContextManager[None]:
    """PyTorch's operations do everything inside."""
    return _emptied(choosing.TYPES)


@contextlib.contextmanager
def _emptied(registry: dict[str, Any] | set[str]) -> Iterator[None]:
    """Inside, what ``registry`` holds is not there."""
    before: Any = registry.copy()
    registry.clear()
    try:
        yield
    finally:
        registry.update(before)


def _load(work: Work) -> Models:
    return load_engine(work.folder, work.device, work.precision)


def _step(painting: Synthesis, iterations: int) -> None:
    for _ in range(iterations):
        painting.step()


def _forget(work: Work) -> None:
    """Free what earlier sections left, and count the peak from here."""
    gc.collect()
    if work.device.startswith("cuda"):
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(work.device)


def _peak_mb(work: Work) -> int:
    """MB on the GPU at most since :func:`_forget`; on the CPU, of the whole process so far."""
    if work.device.startswith("cuda"):
        return round(torch.cuda.max_memory_allocated(work.device) / 1e6)
    return round(resident("VmHWM") / 1e6)
