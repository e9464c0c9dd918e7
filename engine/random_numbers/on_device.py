"""Random numbers by PyTorch, on the device where they are used and without waiting for it.

The seed, the iteration and the attempt can be tensors there, as a CUDA graph needs them; then
only their values change from one iteration to the next. The tables are copied to the device on
the first draw, so draw once before such a graph is captured.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial

import torch
from torch import Tensor

from engine.fused.choosing import fused
from engine.random_numbers.elements import TILE, tables
from engine.random_numbers.philox import MASK, philox, wrapped
from engine.random_numbers.streams import Stream

_MOST = 64 * TILE  # blocks at a time: six tensors of 8 MB stay in a GPU's cache


@dataclass(frozen=True)
class DeviceJobs:
    """The jobs of a draw: ints, or int64 tensors [*B, 1] on ``device``; see ``elements.Job``."""

    seed: int | Tensor
    iteration: int | Tensor
    attempt: int | Tensor
    batch: tuple[int, ...]
    device: torch.device

    def words(self, blocks: Tensor, streams: int | Tensor) -> tuple[int | Tensor, ...]:
        """Four random words of each of ``blocks`` [N], each [*B, N]."""
        key = self.seed & MASK, (self.seed >> 32) & MASK
        counter = blocks, streams, self.iteration & MASK, self.attempt & MASK
        return philox(counter, key)

    def rows(self) -> Tensor:
        """Seed, iteration and attempt of each job, in int64: [B, 3]."""
        ones = torch.ones((*self.batch, 1), dtype=torch.int64, device=self.device)
        columns = [
            ones * (each if isinstance(each, Tensor) else wrapped(each))
            for each in (self.seed, self.iteration, self.attempt)
        ]
        return torch.cat(columns, dim=-1).view(-1, 3)


def uniforms(jobs: DeviceJobs, blocks: Tensor, streams: Tensor) -> Tensor:
    """The first uniform number [*B, N] of each of the ``blocks`` [N] of ``streams`` [N]."""
    return _unit(_tensor(jobs.words(blocks, streams)[0]))


def uniform(jobs: DeviceJobs, stream: Stream, count: int) -> Tensor:
    """Uniform numbers [*B, count]."""
    return _drawn(jobs, stream, count, 1, torch.float32, lambda word: (_unit(word),))


def integers(jobs: DeviceJobs, stream: Stream, high: int, count: int) -> Tensor:
    """Integers [*B, count] below ``high``, which is at most 2^31."""
    return _drawn(jobs, stream, count, 1, torch.int64, lambda word: (word * high >> 32,))


def normal(jobs: DeviceJobs, stream: Stream, count: int) -> Tensor:
    """Normal numbers [*B, count]."""
    if count <= TILE:
        return _normal(jobs, stream, count)

    def by_kernel() -> Tensor:
        from engine.fused import normal_numbers

        rows, tables = jobs.rows(), _tables(jobs.device)
        numbers = normal_numbers.normal(rows, tables, int(stream), count, TILE)
        return numbers.view(*jobs.batch, count)

    by_operations = partial(_normal, jobs, stream, count)
    return fused("normal numbers", jobs.device, by_kernel, by_operations)


def _normal(jobs: DeviceJobs, stream: Stream, count: int) -> Tensor:
    radius, cosine, sine = _tables(jobs.device)

    def pair(word: Tensor) -> tuple[Tensor, Tensor]:
        factor, angle = radius[word >> 16], word & 0xFFFF
        return cosine[angle] * factor, sine[angle] * factor

    return _drawn(jobs, stream, count, 2, torch.float32, pair)


def _drawn(
    jobs: DeviceJobs,
    stream: Stream,
    count: int,
    values: int,
    dtype: torch.dtype,
    convert: Callable[[Tensor], tuple[Tensor, ...]],
) -> Tensor:
    """Elements [*B, count]; ``convert`` makes ``values`` of each word."""
    if count <= TILE:
        blocks = torch.arange(count, device=jobs.device)
        return convert(_tensor(jobs.words(blocks, int(stream))[0]))[0]
    tiles = math.ceil(count / (4 * values * TILE))
    out = torch.empty((*jobs.batch, tiles, 4 * values, TILE), dtype=dtype, device=jobs.device)
    step = max(1, _MOST // (TILE * math.prod(jobs.batch)))
    for first in range(0, tiles, step):
        last = min(tiles, first + step)
        blocks = torch.arange(first * TILE, last * TILE, device=jobs.device)
        for place, word in enumerate(jobs.words(blocks, int(stream))):
            for index, value in enumerate(convert(_tensor(word))):
                part = value.unflatten(-1, (last - first, TILE))
                out[..., first:last, place * values + index, :] = part
    return out.flatten(-3)[..., :count]


def _unit(word: Tensor) -> Tensor:
    return (word >> 8).to(torch.float32) * 2**-24


def _tensor(word: int | Tensor) -> Tensor:
    assert isinstance(word, Tensor)  # since the blocks are one
    return word


@lru_cache(maxsize=16)
def _tables(device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    radius, cosine, sine = (torch.from_numpy(table).to(device) for table in tables())
    return radius, cosine, sine
