"""3x3 convolutions with half the multiplications, for float32 on a CPU.

F(4, 3) of Winograd's minimal filtering (Lavin and Gray 2016, section 4.3) along the height: of each
six rows that four rows of the result need, sums are made; each sum is convolved with a row of its
own, one to six, by a 1x3 kernel; and sums of these are the four rows. Along the width it is an
ordinary convolution. Both directions need even fewer multiplications, but take as long: PyTorch has
no fast way for the many small products, and the error doubles.

Tensors are [B, C, H, W] in channels_last; each picture of a batch is computed as if it were alone.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.models.kernels.derived import Derived

# Numbers of the sums of rows that are worked on at once, so that large pictures need little memory.
_BAND = 1 << 22
WORK_BYTES = 2 * 4 * _BAND  # that :func:`convolve_rows` needs at most, beside its result
LEAST_ROWS = 64  # of a picture; with fewer, calls take as long as the products that they save
_CHANNELS = 128
_TILE = 4  # rows of the result
_SEEN = 6  # rows that they need

# The transforms of the picture, the kernel and the result for the points 0, 1, -1, 2, -2, infinity.
_PICTURE = (
    (4, 0, -5, 0, 1, 0),
    (0, -4, -4, 1, 1, 0),
    (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0),
    (0, 2, -1, -2, 1, 0),
    (0, 4, 0, -5, 0, 1),
)
_KERNEL = (
    (1 / 4, 0, 0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0, 0, 1),
)
_RESULT = (
    (1, 1, 1, 1, 1, 0),
    (0, 1, -1, 2, -2, 0),
    (0, 1, 1, 4, 4, 0),
    (0, 1, -1, 8, -8, 1),
)


def suits(weight: Tensor) -> bool:
    """Whether :func:`convolve_rows` can be faster for a ``weight`` [O, C, k, k].

    With fewer channels the sums take as long as they save; bf16 is too coarse for them.
    """
    return (
        weight.device.type == "cpu"
        and weight.dtype is torch.float32
        and weight.shape[2:] == (3, 3)
        and min(weight.shape[:2]) >= _CHANNELS
        and torch.backends.mkldnn.is_available()
    )


def is_worth_it(x: Tensor, weight: Tensor) -> bool:
    """Whether :func:`convolve_rows` is faster for ``x`` and ``weight`` [O, C, k, k]."""
    return x.shape[2] >= LEAST_ROWS and suits(weight)


def row_kernels(weight: Tensor) -> Tensor:
    """The six kernels [6, O, C, 1, 3] of a ``weight`` [O, C, 3, 3], for :func:`convolve_rows`."""
    transform = torch.tensor(_KERNEL, dtype=torch.float64, device=weight.device)
    kernels = torch.einsum("fr,ocrs->focs", transform, weight.double()).to(weight.dtype)
    flat = kernels.flatten(0, 1).unsqueeze(2).contiguous(memory_format=torch.channels_last)
    apart: Tensor = flat.unflatten(0, kernels.shape[:2])
    return apart


def row_kernels_of_gradient(weight: Tensor) -> Tensor:
    """The kernels [6, C, O, 1, 3] for the gradient of the input of a ``weight`` [O, C, 3, 3]."""
    return row_kernels(weight.transpose(0, 1).flip(2, 3))


class RowKernels:
    """The kernels of a weight and of its input's gradient, each made when first needed."""

    def __init__(self) -> None:
        self.forward, self.backward = Derived(row_kernels), Derived(row_kernels_of_gradient)

    def missing_bytes(self, weight: Tensor) -> int:
        """How much those take that a picture large enough makes first for ``weight``."""
        if not suits(weight):
            return 0
        return sum(
            2 * weight.nbytes for x in (self.forward, self.backward) if not x.is_made(weight)
        )


def convolve_rows(x: Tensor, kernels: Tensor, bias: Tensor | None) -> Tensor:
    """``x`` [B, C, H, W] convolved with :func:`row_kernels`, padded by 1: [B, O, H, W]."""
    pictures = x.contiguous(memory_format=torch.channels_last).permute(0, 2, 3, 1)
    batch, height, width, _ = pictures.shape
    result = torch.empty(
        (batch, kernels.shape[1], height, width),
        dtype=x.dtype,
        device=x.device,
        memory_format=torch.channels_last,
    )
    at_once = max(1, _BAND // (_SEEN * width * max(kernels.shape[1:3])))
    tiles = -(-height // _TILE)
    for picture, target in zip(pictures, result.permute(0, 2, 3, 1), strict=True):
        for start in range(0, tiles, at_once):
            part = range(start, min(start + at_once, tiles))
            rows = target[_TILE * part.start : _TILE * part.stop]
            if len(rows) == _TILE * len(part):
                _convolve_tiles(picture, kernels, bias, part, rows.unflatten(0, (-1, _TILE)))
            else:  # the last tile has fewer rows
                whole = rows.new_empty(len(part), _TILE, *rows.shape[1:])
                _convolve_tiles(picture, kernels, bias, part, whole)
                rows.copy_(whole.flatten(0, 1)[: len(rows)])
    return result


def _convolve_tiles(
    picture: Tensor, kernels: Tensor, bias: Tensor | None, tiles: range, target: Tensor
) -> None:
    """Write the rows of ``tiles`` of the result to ``target`` [T, 4, W, O]."""
    width, channels = picture.shape[1:]
    sums = _sums_of_rows(picture.flatten(1), tiles).unflatten(2, (width, channels))
    seen = sums.new_empty(_SEEN, len(tiles), width, target.shape[3])
    for number, (each, kernel) in enumerate(zip(sums, kernels, strict=True)):
        # Each row of the result has the sum for the point 1 once, and so the bias.
        shift = bias if number == 1 else None
        part = F.conv2d(each.permute(2, 0, 1)[None], kernel, shift, padding=(0, 1))
        seen[number] = part[0].permute(1, 2, 0)
    transform = torch.tensor(_RESULT, dtype=seen.dtype).expand(len(tiles), -1, -1)
    torch.bmm(transform, seen.flatten(2).transpose(0, 1), out=target.flatten(2))


def _sums_of_rows(rows: Tensor, tiles: range) -> Tensor:
    """The six sums [6, T, N] of the ``rows`` [H, N] of a picture that each of ``tiles`` sees.

    Tile t sees rows 4t - 1 to 4t + 4; those outside the picture are zero.
    """
    transform = torch.tensor(_PICTURE, dtype=rows.dtype)
    sums = rows.new_empty(_SEEN, len(tiles), rows.shape[1])
    whole = range(max(tiles.start, 1), min(tiles.stop, (len(rows) - _SEEN + 1) // _TILE + 1))
    if whole:
        windows = rows[_TILE * whole.start - 1 :].unfold(0, _SEEN, _TILE)[: len(whole)]
        places = slice(whole.start - tiles.start, whole.stop - tiles.start)
        each = transform.expand(len(whole), -1, -1)
        torch.bmm(each, windows.transpose(1, 2), out=sums[:, places].transpose(0, 1))
    for tile in tiles:
        if tile not in whole:
            first = _TILE * tile - 1
            seen = rows.new_zeros(_SEEN, rows.shape[1])
            inside = rows[max(first, 0) : first + _SEEN]
            start = max(-first, 0)
            seen[start : start + len(inside)] = inside
            torch.mm(transform, seen, out=sums[:, tile - tiles.start])
    return sums
