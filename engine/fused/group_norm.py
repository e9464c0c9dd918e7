"""Group normalisation, with the SiLU after it, and its gradient, in three kernels each way.

Tensors are [B, M, C]: the M pixels of channels_last, each with its C channels. C and the number of
groups are powers of two. The formulas are those of engine.models.kernels.group_norm. Sums are made
of those of some rows each, in a fixed order, so that they are the same each time. A mean and the
sum of squares about it are joined as Chan, Golub and LeVeque do (1983, "Algorithms for Computing
the Sample Variance"), as squares of single numbers would cancel.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor

from engine.fused.choosing import OPTIONS

_TILE = 4096  # numbers in a program
_PARTS = 256  # sums of some rows that are joined at once


class Norm(NamedTuple):
    """``weight`` and ``bias`` [C], in the precision of the sums, and whether a SiLU follows."""

    weight: Tensor
    bias: Tensor
    silu: bool


def statistics(x: Tensor, groups: int, eps: float, dtype: torch.dtype) -> Tensor:
    """The means and the inverse standard deviations of ``groups``: [2, B, G] in ``dtype``."""
    result = torch.empty(2, len(x), groups, dtype=dtype, device=x.device)
    parts = _parts(x, result)
    _moments[_programs(x)](x, parts, **_sizes(x, result))
    _joined_moments[groups, len(x)](
        parts,
        result,
        x.shape[1],
        parts.shape[3],
        eps,
        groups=groups,
        rows=_rows(x),
        each=x.shape[2] // groups,
        block=_PARTS,
        **OPTIONS,
    )
    return result


def normalised(x: Tensor, statistics: Tensor, norm: Norm) -> Tensor:
    """``x`` normalised by its ``statistics``."""
    result = torch.empty_like(x)
    _normalise[_programs(x)](
        x, statistics, norm.weight, norm.bias, result, silu=norm.silu, **_sizes(x, statistics)
    )
    return result


def input_gradient(x: Tensor, gradient: Tensor, statistics: Tensor, norm: Norm) -> Tensor:
    """The gradient of ``x`` from that of :func:`normalised`."""
    given = x, gradient, statistics, norm.weight, norm.bias
    parts, result = _parts(x, statistics), torch.empty_like(x)
    sizes = {"silu": norm.silu, **_sizes(x, statistics)}
    _slopes[_programs(x)](*given, parts, **sizes)
    _input_gradient[_programs(x)](*given, parts.sum(3), result, **sizes)
    return result


def _parts(x: Tensor, statistics: Tensor) -> Tensor:
    """Room for two numbers of each group from some rows: [2, B, G, chunks]."""
    return statistics.new_empty(*statistics.shape, _programs(x)[0])


def _rows(x: Tensor) -> int:
    return max(1, _TILE // x.shape[2])


def _programs(x: Tensor) -> tuple[int, int]:
    return triton.cdiv(x.shape[1], _rows(x)), len(x)


def _sizes(x: Tensor, statistics: Tensor) -> dict[str, int | bool]:
    return {
        "count": x.shape[1],
        "channels": x.shape[2],
        "groups": statistics.shape[2],
        "rows": _rows(x),
        **OPTIONS,
    }


@triton.jit
def _tile(x, count, channels: tl.constexpr, rows: tl.constexpr):
    """The places [rows, channels] of a program's numbers, and which are there."""
    row = tl.program_id(0) * rows + tl.arange(0, rows)
    place = (tl.program_id(1).to(tl.int64) * count + row)[:, None] * channels
    there = (row < count)[:, None] & (tl.arange(0, channels) >= 0)[None, :]
    return x + place + tl.arange(0, channels)[None, :], there


@triton.jit
def _load(x, like, count, channels: tl.constexpr, rows: tl.constexpr):
    """A program's numbers [rows, channels], in the precision of ``like``, and which are there."""
    at, there = _tile(x, count, channels, rows)
    return tl.load(at, mask=there, other=0.0).to(like.dtype.element_ty), there


@triton.jit
def _of_groups(numbers, channels: tl.constexpr, groups: tl.constexpr, rows: tl.constexpr):
    """Sums [groups] of numbers [rows, channels]."""
    numbers = tl.reshape(numbers, [rows, groups, channels // groups])
    return tl.sum(tl.sum(numbers, axis=2), axis=0)


@triton.jit
def _to_channels(numbers, channels: tl.constexpr, groups: tl.constexpr):
    """A pointer to the numbers [B, G] of this program's batch, as places [1, channels]."""
    group = tl.arange(0, channels) // (channels // groups)
    return numbers + tl.program_id(1) * groups + group[None, :]


@triton.jit
def _store_parts(some, first, second, groups: tl.constexpr):
    """Write two numbers of each group [groups] to [2, B, G, chunks]."""
    chunks, batch = tl.num_programs(0), tl.num_programs(1)
    group = tl.program_id(1) * groups + tl.arange(0, groups)
    tl.store(some + group * chunks + tl.program_id(0), first)
    tl.store(some + (batch * groups + group) * chunks + tl.program_id(0), second)


@triton.jit(do_not_specialize=["count"])
def _moments(x, some, count, channels: tl.constexpr, groups: tl.constexpr, rows: tl.constexpr):
    numbers, there = _load(x, some, count, channels, rows)
    size = tl.minimum(rows, count - tl.program_id(0) * rows) * (channels // groups)
    mean = _of_groups(numbers, channels, groups, rows) / size
    middle = tl.reshape(tl.broadcast_to(mean[:, None], [groups, channels // groups]), [channels])
    apart = tl.where(there, numbers - middle[None, :], 0.0)
    _store_parts(some, mean, _of_groups(apart * apart, channels, groups, rows), groups)


@triton.jit(do_not_specialize=["count", "chunks"])
def _joined_moments(
    some,
    result,
    count,
    chunks,
    eps,
    groups: tl.constexpr,
    rows: tl.constexpr,
    each: tl.constexpr,
    block: tl.constexpr,
):
    group, batches = tl.program_id(1) * groups + tl.program_id(0), tl.num_programs(1)
    precision = some.dtype.element_ty
    means, squares = some + group * chunks, some + (batches * groups + group) * chunks
    total = tl.zeros([block], precision)
    for start in range(0, chunks, block):
        chunk = start + tl.arange(0, block)
        size = tl.minimum(rows, count - chunk * rows) * each
        total += tl.load(means + chunk, mask=chunk < chunks, other=0.0) * size
    size_of_all = (count * each).to(precision)
    mean = tl.sum(total, axis=0) / size_of_all
    total = tl.zeros([block], precision)
    for start in range(0, chunks, block):
        chunk = start + tl.arange(0, block)
        size = tl.minimum(rows, count - chunk * rows) * each
        apart = tl.load(means + chunk, mask=chunk < chunks, other=0.0) - mean
        square = tl.load(squares + chunk, mask=chunk < chunks, other=0.0)
        total += tl.where(chunk < chunks, square + apart * apart * size, 0.0)
    variance = tl.sum(total, axis=0) / size_of_all
    tl.store(result + group, mean)
    tl.store(result + batches * groups + group, 1 / tl.sqrt(variance + eps))


@triton.jit(do_not_specialize=["count"])
def _normalise(
    x,
    statistics,
    weight,
    bias,
    result,
    count,
    channels: tl.constexpr,
    groups: tl.constexpr,
    rows: tl.constexpr,
    silu: tl.constexpr,
):
    numbers, there = _load(x, weight, count, channels, rows)
    y = _on_the_line(numbers, statistics, weight, bias, channels, groups)
    if silu:
        y = y * tl.sigmoid(y)
    out, there = _tile(result, count, channels, rows)
    tl.store(out, y.to(result.dtype.element_ty), mask=there)


@triton.jit
def _on_the_line(numbers, statistics, weight, bias, channels: tl.constexpr, groups: tl.constexpr):
    """The normalised ``numbers`` [rows, channels]."""
    mean = tl.load(_to_channels(statistics, channels, groups))
    rstd = tl.load(_to_channels(statistics + tl.num_programs(1) * groups, channels, groups))
    channel = tl.arange(0, channels)[None, :]
    scale = rstd * tl.load(weight + channel)
    return numbers * scale + (tl.load(bias + channel) - mean * scale)


@triton.jit
def _of_weighted(
    slope,
    numbers,
    statistics,
    weight,
    bias,
    channels: tl.constexpr,
    groups: tl.constexpr,
    silu: tl.constexpr,
):
    """The gradient before the SiLU, times the weight, from the ``slope`` after it."""
    if silu:
        y = _on_the_line(numbers, statistics, weight, bias, channels, groups)
        sigmoid = tl.sigmoid(y)
        slope = slope * sigmoid * (1 + y * (1 - sigmoid))
    return slope * tl.load(weight + tl.arange(0, channels)[None, :])


@triton.jit(do_not_specialize=["count"])
def _slopes(
    x,
    gradient,
    statistics,
    weight,
    bias,
    some,
    count,
    channels: tl.constexpr,
    groups: tl.constexpr,
    rows: tl.constexpr,
    silu: tl.constexpr,
):
    numbers = _load(x, weight, count, channels, rows)[0]
    slope = _load(gradient, weight, count, channels, rows)[0]
    slope = _of_weighted(slope, numbers, statistics, weight, bias, channels, groups, silu)
    apart = numbers - tl.load(_to_channels(statistics, channels, groups))
    total = _of_groups(slope, channels, groups, rows)
    _store_parts(some, total, _of_groups(slope * apart, channels, groups, rows), groups)


@triton.jit(do_not_specialize=["count"])
def _input_gradient(
    x,
    gradient,
    statistics,
    weight,
    bias,
    sums,
    result,
    count,
    channels: tl.constexpr,
    groups: tl.constexpr,
    rows: tl.constexpr,
    silu: tl.constexpr,
):
    numbers = _load(x, weight, count, channels, rows)[0]
    slope = _load(gradient, weight, count, channels, rows)[0]
    slope = _of_weighted(slope, numbers, statistics, weight, bias, channels, groups, silu)

    others = tl.num_programs(1) * groups
    mean = tl.load(_to_channels(statistics, channels, groups))
    rstd = tl.load(_to_channels(statistics + others, channels, groups))
    size = (count * (channels // groups)).to(weight.dtype.element_ty)
    total = tl.load(_to_channels(sums, channels, groups)) / size
    product = tl.load(_to_channels(sums + others, channels, groups)) / size
    moved = slope - total - (numbers - mean) * (rstd * rstd * product)
    out, there = _tile(result, count, channels, rows)
    tl.store(out, (moved * rstd).to(result.dtype.element_ty), mask=there)
