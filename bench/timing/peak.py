"""How fast the machine multiplies at best, measured: what a loop could reach."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from bench.timing.subjects import wait_for

DTYPES = {"float32": torch.float32, "bf16": torch.bfloat16}
_REPEATS = 4

Peak = dict[str, dict[str, float]]
"""FLOPs a second by kind, "matmul" or "convolution", and precision, "float32" or "bf16"."""


def measure_peak(device: str = "cpu", *, small: bool = False) -> Peak:
    """The fastest of some products and 3x3 convolutions, among them those of the networks."""
    # Rows, columns and depth; then pictures, channels and side of a convolution.
    products = [(1600, 3072, 768), (1600, 768, 3072), (256, 16384, 256), (2048, 2048, 2048)]
    convolutions = [(1, 128, 256), (1, 256, 128), (1, 512, 32)]
    if device.startswith("cuda"):
        products = [(12800, 3072, 768), (8192, 8192, 8192)]
        convolutions = [(16, 128, 256), (16, 256, 128), (16, 512, 64)]
    if small:
        products, convolutions = [(64, 64, 64)], [(1, 32, 16)]
    # Another program may disturb some of the calls.
    stopwatch = _Stopwatch(device, 0.0 if small else 0.4)
    peak: Peak = {"matmul": {}, "convolution": {}}
    for name, dtype in DTYPES.items():
        peak["matmul"][name] = max(_product(*shape, dtype, stopwatch) for shape in products)
        peak["convolution"][name] = max(
            _convolve(*shape, dtype, stopwatch) for shape in convolutions
        )
    return peak


@dataclass(frozen=True)
class _Stopwatch:
    """Measures calls on ``device`` for ``seconds``, and a few calls at least."""

    device: str
    seconds: float

    @torch.no_grad()
    def fastest(self, function: Callable[[], object]) -> float:
        """Seconds of the fastest call after one that warms up."""
        taken: list[float] = []
        while len(taken) < _REPEATS or sum(taken) < self.seconds:
            wait_for(self.device)
            began = time.perf_counter()
            function()
            wait_for(self.device)
            taken.append(time.perf_counter() - began)
        return min(taken[1:])


def _product(
    rows: int, columns: int, depth: int, dtype: torch.dtype, stopwatch: _Stopwatch
) -> float:
    x = torch.randn(rows, depth, device=stopwatch.device).to(dtype)
    weight = torch.randn(columns, depth, device=stopwatch.device).to(dtype)
    return 2 * rows * columns * depth / stopwatch.fastest(lambda: F.linear(x, weight))


def _convolve(
    batch: int, channels: int, side: int, dtype: torch.dtype, stopwatch: _Stopwatch
) -> float:
    on, last = stopwatch.device, torch.channels_last
    x = torch.randn(batch, channels, side, side, device=on).to(dtype, memory_format=last)
    weight = torch.randn(channels, channels, 3, 3, device=on).to(dtype, memory_format=last)
    flops = 2 * batch * channels * channels * 9 * side * side
    return flops / stopwatch.fastest(lambda: F.conv2d(x, weight, padding=1))


def best_seconds(flops: dict[str, float], peak: Peak, precision: str) -> dict[str, float]:
    """Seconds of each part in ``flops`` at the peak; the search for codes is in float32."""
    kind = {
        "quantise": peak["matmul"]["float32"],
        "decode": peak["convolution"][precision],
        "backward_decode": peak["convolution"][precision],
        "perceptor": peak["matmul"][precision],
        "backward_perceptor": peak["matmul"][precision],
    }
    return {part: flops[part] / rate for part, rate in kind.items()}
