"""Compiles all kernels for GPUs of the compute capabilities that it is given; needs none."""

from __future__ import annotations

import sys
from typing import Any

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from engine.fused import colours, group_norm, normal_numbers, warp_gradient
from engine.fused.choosing import OPTIONS

NUMBERS, WHOLE = "*fp32", "*i64"


def _compile(
    kernel: Any, types: dict[str, str], constants: dict[str, Any], capability: int
) -> None:
    signature = types | dict.fromkeys(constants, "constexpr")
    source = ASTSource(kernel, signature, constants)
    made = triton.compile(source, target=GPUTarget("cuda", capability, 32), options=OPTIONS)
    assert made.asm["cubin"]


def _compile_group_norm(numbers: str, capability: int) -> None:
    given = dict.fromkeys(("x", "gradient"), numbers)
    line = dict.fromkeys(("statistics", "weight", "bias"), NUMBERS)
    sizes = {"channels": 128, "groups": 32, "rows": 32}
    ends = {"result": numbers, "count": "i32"}
    some = {"some": NUMBERS, "count": "i32"}
    of_x = {"x": numbers}
    silu = sizes | {"silu": True}
    _compile(group_norm._moments, of_x | some, sizes, capability)
    _compile(group_norm._normalise, of_x | line | ends, silu, capability)
    _compile(group_norm._slopes, given | line | some, silu, capability)
    sums = {"sums": NUMBERS}
    _compile(group_norm._input_gradient, given | line | sums | ends, silu, capability)
    types = {"some": NUMBERS, "result": NUMBERS, "count": "i32", "chunks": "i32", "eps": "fp32"}
    constants = {"groups": 32, "rows": 32, "each": 4, "block": 256}
    _compile(group_norm._joined_moments, types, constants, capability)


def main() -> None:
    """Compile them, with the sizes of the paper's cutouts."""
    for capability in map(int, sys.argv[1:]):
        tables = dict.fromkeys(("radius", "cosine", "sine", "result"), NUMBERS)
        types = {"jobs": WHOLE, **tables, "count": "i32", "stream": "i32"}
        _compile(normal_numbers._draw, types, {"tile": 16_384, "block": 1024}, capability)
        types = {"gradient": NUMBERS, "grid": NUMBERS, "scale": "*fp64", "total": WHOLE}
        for padding in range(3):
            constants = {"side": 224, "channels": 3, "padding": padding, "block": 256}
            _compile(warp_gradient._scatter, types, constants, capability)
        names = ("x", "slope", "result", "colours", "rectangle", "deviation", "grain")
        changes = ("coloured", "erased", "noisy", "clamped")
        for backward in (False, True):
            constants = {"side": 224, "block": 512, "backward": backward}
            constants |= dict.fromkeys(changes, True)
            _compile(colours._change, dict.fromkeys(names, NUMBERS), constants, capability)
        for numbers in (NUMBERS, "*bf16"):
            _compile_group_norm(numbers, capability)
        sys.stdout.write(f"{capability}\n")


if __name__ == "__main__":
    main()
