"""The loop's formulas in their simplest form, to compare the engine with.

Nothing here calls engine code: crops and warps are torch's and kornia's, angles are arc cosines,
colours go through the textbook's HSV, clamps have the gradient of the authors' notebook.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import kornia.augmentation as K
import kornia.enhance
import torch
from torch import Tensor

from tests.engine.painting import published


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


class ClampWithGrad(torch.autograd.Function):
    """The authors' clamp: a gradient passes unless following it leads further out of 0..1."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.clamp(0, 1)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        (slope,) = slopes
        blocked = ((x > 1) & (slope < 0)) | ((x < 0) & (slope > 0))
        return torch.where(blocked, torch.zeros_like(slope), slope)


def clamp(x: Tensor) -> Tensor:
    """``x`` in 0..1, with the authors' gradient."""
    result: Tensor = ClampWithGrad.apply(x)
    return result


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


def jittered(one: Tensor, colours: Tensor, order: tuple[int, ...]) -> Tensor:
    """One cutout [3, S, S] with brightness, contrast, saturation and hue changed in ``order``."""
    brightness, contrast, saturation, hue = colours
    steps = (
        lambda x: x + (brightness - 1),
        lambda x: x * contrast,
        lambda x: saturate(x, saturation),
        lambda x: turn_hue(x, hue),
    )
    one = clamp(one)
    for index in order:
        one = clamp(steps[index](one))
    return one


def cutouts(picture: Tensor, numbers: Any, size: int) -> Tensor:
    """All cutouts [N, 3, size, size] of a picture [3, H, W] from an iteration's numbers.

    Crops and warps are torch's and kornia's own. Kornia's colour jitter is not used, since its
    clamps have no gradient where the authors' has one.
    """
    if numbers.shrink == "pooled":
        batch = published.pooled(picture[None], len(numbers.box), size)
    else:
        batch = published.crops(picture[None], numbers.box, size)
    rare = published.rare(size)
    modules: dict[str, Any] = {"flip": K.RandomHorizontalFlip()}
    if numbers.zoomed is not None:
        modules["resized"] = rare["resized"]
    modules["affine"] = K.RandomAffine(degrees=0, padding_mode=numbers.padding)
    modules["perspective"] = K.RandomPerspective()
    if numbers.bent is not None:
        modules["elastic"] = rare["elastic"]
    batch = published.augmented(batch, modules, dataclasses.replace(numbers, grain=None))
    taken = []
    for i in range(len(batch)):
        one = batch[i]
        if numbers.jittered[i]:
            one = jittered(one, numbers.colours[i].to(one), numbers.order)
        if numbers.sharpened is not None and numbers.sharpened[i]:
            one = clamp(kornia.enhance.sharpness(clamp(one)[None], numbers.blend[i].to(one))[0])
        left, top, right, bottom = numbers.erase[i].tolist()
        keep = torch.ones(size, size, dtype=one.dtype)
        for row in range(size):
            for column in range(size):
                if left <= column + 0.5 < right and top <= row + 0.5 < bottom:
                    keep[row, column] = 0
        one = one * keep
        if numbers.grain is not None:
            one = one + numbers.noise[i].to(one) * numbers.grain[i].to(one)
        taken.append(clamp(one) if numbers.clamped else one)
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
