"""The loop's formulas in their simplest form, to compare the engine with.

Nothing here calls engine code: pixels are gathered one by one, angles are arc cosines, colours
go through the textbook's HSV. Only torch's autograd is taken on trust.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor


def bilinear(picture: Tensor, x: Tensor, y: Tensor, padding: str = "border") -> Tensor:
    """Values [3, ...] of a picture [3, H, W] at pixel coordinates (centres at whole numbers)."""
    _, height, width = picture.shape
    if padding == "border":
        x, y = x.clamp(0, width - 1), y.clamp(0, height - 1)
    left, top = x.floor(), y.floor()
    total = torch.zeros(3, *x.shape, dtype=picture.dtype)
    for across in (0, 1):
        for down in (0, 1):
            column, row = left + across, top + down
            weight = (1 - (x - column).abs()) * (1 - (y - row).abs())
            inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
            taken = picture[:, row.clamp(0, height - 1).long(), column.clamp(0, width - 1).long()]
            total = total + taken * weight * inside
    return total


def warp(picture: Tensor, box: Tensor, matrix: Tensor, size: int) -> Tensor:
    """One cutout [3, size, size]: output pixel -> matrix -> crop -> picture, bilinear."""
    _, height, width = picture.shape
    steps = (torch.arange(size, dtype=picture.dtype) + 0.5) * 2 / size - 1
    y, x = steps[:, None].expand(size, size), steps[None, :].expand(size, size)
    scale = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2]
    u = (matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2]) / scale
    v = (matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2]) / scale
    u, v = u.clamp(-1, 1), v.clamp(-1, 1)
    left, top, across, down = box
    column = (left + (u + 1) / 2 * across) * width - 0.5
    row = (top + (v + 1) / 2 * down) * height - 0.5
    return bilinear(picture, column, row)


def saturate(picture: Tensor, factor: Tensor) -> Tensor:
    """Multiply HSV saturation by ``factor``, at most 1: channels move from the value (max)."""
    value = picture.max(dim=0).values
    least = picture.min(dim=0).values
    saturation = (value - least) / (value + 1e-30)
    new = (saturation * factor).clamp(0, 1)
    ratio = torch.where(saturation > 0, new / saturation.clamp(min=1e-30), torch.ones_like(new))
    return value - (value - picture) * ratio


def turn_hue(picture: Tensor, turns: Tensor) -> Tensor:
    """Add ``turns`` to the HSV hue, by the textbook's six sectors."""
    value = picture.max(dim=0).values
    chroma = value - picture.min(dim=0).values
    safe = chroma.clamp(min=1e-30)
    red, green, blue = picture
    which = picture.argmax(dim=0)
    sector = torch.where(
        which == 0,
        (green - blue) / safe,
        torch.where(which == 1, 2 + (blue - red) / safe, 4 + (red - green) / safe),
    )
    sector = (sector + 6 * turns) % 6
    channels = []
    for offset in (5, 3, 1):
        k = (offset + sector) % 6
        channels.append(value - chroma * torch.minimum(k, 4 - k).clamp(0, 1))
    return torch.stack(channels)


def halve(picture: Tensor) -> Tensor:
    """Means of 2 x 2 pixels of [3, H, W], H and W even."""
    return (
        picture[:, ::2, ::2]
        + picture[:, 1::2, ::2]
        + picture[:, ::2, 1::2]
        + picture[:, 1::2, 1::2]
    ) / 4


def cutouts(picture: Tensor, numbers: Any, size: int) -> Tensor:
    """All cutouts [N, 3, size, size] of a picture [3, H, W] from an iteration's numbers."""
    taken = []
    dtype = picture.dtype
    for i in range(len(numbers.box)):
        across, down = numbers.box[i, 2:].tolist()
        source = picture
        while max(across * source.shape[2], down * source.shape[1]) >= 2 * size - 1e-3:
            source = halve(source)
        one = warp(source, numbers.box[i].to(dtype), numbers.warp[i].to(dtype), size)
        if numbers.hue[i] != 0 or numbers.saturation[i] != 1:
            one = saturate(one, numbers.saturation[i].to(dtype))
            one = turn_hue(one, numbers.hue[i].to(dtype))
        left, top, right, bottom = numbers.erase[i].tolist()
        keep = torch.ones(size, size, dtype=dtype)
        for row in range(size):
            for column in range(size):
                if left <= column + 0.5 < right and top <= row + 0.5 < bottom:
                    keep[row, column] = 0
        one = one * keep
        if numbers.grain is not None:
            one = one + numbers.noise[i].to(dtype) * numbers.grain[i].to(dtype)
        taken.append(one.clamp(0, 1))
    return torch.stack(taken)


def distance(u: Tensor, v: Tensor) -> Tensor:
    """Half the squared angle between unit vectors [N, D] and [D]."""
    return (u @ v).clamp(-1 + 1e-12, 1 - 1e-12).arccos() ** 2 / 2


def step_gradient(
    z: Tensor,
    codebook: Tensor,
    decode: Any,
    encode: Any,
    targets: Tensor,
    weights: list[float],
    stops: list[float],
    numbers: Any,
    size: int,
    alpha: float,
    anchor: Tensor | None,
) -> tuple[float, Tensor]:
    """(total loss, gradient of z) of one step of the loop, from the formulas alone."""
    _, _, rows, columns = z.shape
    zq = torch.empty_like(z)
    for row in range(rows):
        for column in range(columns):
            token = z[0, :, row, column]
            nearest = min(
                range(len(codebook)), key=lambda k: float(((token - codebook[k]) ** 2).sum())
            )
            zq[0, :, row, column] = codebook[nearest]
    zq.requires_grad_(True)
    raw = decode(zq)
    picture = raw.detach().clamp(0, 1).requires_grad_(True)
    seen = encode(cutouts(picture[0], numbers, size))
    total, slope = 0.0, torch.zeros_like(picture)
    for target, weight, stop in zip(targets, weights, stops, strict=True):
        signed = distance(seen, target) * math.copysign(1, weight)
        total += abs(weight) * float(signed.detach().mean())
        # Only cutouts above the stop have a gradient.
        pulled = (signed * (signed.detach() >= stop)).sum() / len(signed) * abs(weight)
        (part,) = torch.autograd.grad(pulled, picture, retain_graph=True)
        slope = slope + part
    beyond = raw.detach() - raw.detach().clamp(0, 1)
    slope = torch.where(slope * beyond >= 0, slope, torch.zeros_like(slope))
    (gradient,) = torch.autograd.grad(raw, zq, slope)
    difference = z if anchor is None else z - anchor
    total += alpha * float((difference**2).sum()) / z.numel()
    return total, gradient + alpha * 2 * difference / z.numel()
