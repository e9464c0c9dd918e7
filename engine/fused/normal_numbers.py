"""Normal numbers from counters, as engine.random_numbers.on_device draws them, in one kernel."""

from __future__ import annotations

import math

import torch
import triton
import triton.language as tl
from torch import Tensor

from engine.fused.choosing import OPTIONS

_BLOCK = 1024  # blocks of counters in a program; a divisor of the tile


def normal(
    jobs: Tensor, tables: tuple[Tensor, Tensor, Tensor], stream: int, count: int, tile: int
) -> Tensor:
    """Normal numbers [B, count] in float32, the same bits as by PyTorch's operations.

    ``jobs`` [B, 3] in int64 has each job's seed, iteration and attempt; ``tables`` are the radii,
    cosines and sines [65536], on the same device, and ``tile`` the length of a tile, of
    engine.random_numbers.elements.
    """
    result = torch.empty(len(jobs), count, dtype=torch.float32, device=jobs.device)
    programs = math.ceil(count / (8 * tile)) * (tile // _BLOCK)
    _draw[(programs, len(jobs))](
        jobs,
        *tables,
        result,
        count,
        stream,
        tile=tile,
        block=_BLOCK,
        **OPTIONS,
    )
    return result


@triton.jit(do_not_specialize=["count", "stream"])
def _draw(
    jobs,
    radius,
    cosine,
    sine,
    result,
    count,
    stream,
    tile: tl.constexpr,
    block: tl.constexpr,
):
    job = tl.program_id(1)
    seed = tl.load(jobs + job * 3)
    iteration = tl.load(jobs + job * 3 + 1)
    attempt = tl.load(jobs + job * 3 + 2)
    number = tl.program_id(0) * block + tl.arange(0, block)
    none = tl.zeros([block], tl.uint32)
    words = tl.philox_impl(
        number.to(tl.uint32),
        none + stream.to(tl.uint32),
        none + iteration.to(tl.uint32),
        none + attempt.to(tl.uint32),
        none + seed.to(tl.uint32),
        none + (seed >> 32).to(tl.uint32),
    )
    # Tile by tile: value v of block b is element (b // tile * 8 + v) * tile + b % tile.
    first = (number // tile).to(tl.int64) * (8 * tile) + number % tile
    start = result + job.to(tl.int64) * count
    for place in tl.static_range(4):
        word = words[place]
        length = tl.load(radius + (word >> 16).to(tl.int32))
        angle = (word & 0xFFFF).to(tl.int32)
        across = first + 2 * place * tile
        down = across + tile
        tl.store(start + across, tl.load(cosine + angle) * length, mask=across < count)
        tl.store(start + down, tl.load(sine + angle) * length, mask=down < count)
