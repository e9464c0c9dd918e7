"""Crops of a picture, resized to squares without aliasing at any scale."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from engine.painting import host

_SUPPORT = 2  # a bicubic kernel's, in pixels of the larger of the two scales
_SHARPNESS = -0.5  # Keys' a, as in PIL and in torch's antialiased bicubic


def crops(picture: Tensor, box: Tensor, resolution: int, flipped: Tensor) -> Tensor:
    """Crops of pictures [B, C, H, W], resized to [N, C, S, S] by an antialiased bicubic kernel.

    ``box`` [N, 4] is left, top, width and height in fractions of the picture; a crop that extends
    beyond the picture shows its reflection there, for which ``box`` has to be on the CPU. Each
    picture gives N / B crops, in order. ``resolution`` is S; crops are mirrored where ``flipped``
    [N] is true. Each crop equals ``torch.nn.functional.interpolate`` of the cropped pixels with
    ``mode="bicubic", antialias=True``.

    The kernel is separable and short, so the resizing is two weighted sums of few rows, and so is
    its gradient; unlike grid_sample's, the backward pass is deterministic on CUDA.
    """
    height, width = picture.shape[-2:]
    scales = (width, height, width, height)
    box = torch.stack([box[:, i].to(picture.dtype) * scale for i, scale in enumerate(scales)], 1)
    picture, box = _reflected(picture, box)
    result: Tensor = _Crops.apply(picture, _Crop.of(picture, box, resolution, flipped))  # type: ignore[no-untyped-call]  # torch's apply is untyped
    return result


class _Crops(torch.autograd.Function):
    """Pictures [B, C, H, W] -> crops [N, C, S, S]."""

    @staticmethod
    def forward(ctx: Any, picture: Tensor, crop: _Crop) -> Tensor:
        ctx.crop = crop
        return crop.take(picture)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return ctx.crop.give_back(gradients[0]), None


@dataclass(frozen=True)
class _Axis:
    """The kernel's weights along one axis of N crops.

    Output s of crop n is the sum over t of ``weight[n, s, t] * pixel[first[n, s] + t]``. ``start``
    [N] and ``scale`` [N] are in pixels, ``length`` is the number of the picture's pixels, and
    ``stretch`` the largest ratio of the kernel's width to ``scale``.
    """

    first: Tensor  # [N, S]
    weight: Tensor  # [N, S, T]
    start: Tensor
    scale: Tensor
    length: int
    stretch: float

    def adjoint(self) -> tuple[Tensor, Tensor]:
        """The outputs [N, L, R] that each pixel is part of, and its weights there."""
        size, taps = self.weight.shape[1:]
        pixel = torch.arange(self.length, device=self.start.device)
        reach = _SUPPORT * self.scale.clamp(min=1)
        place = (pixel + 0.5 - (self.start + reach)[:, None]) / self.scale[:, None] - 0.5
        # Two more than the kernel is wide: one for the floor, one for rounding errors.
        some = torch.arange(math.ceil(2 * _SUPPORT * self.stretch) + 2, device=pixel.device)
        output = place.floor().long()[..., None] + some
        inside = output.clamp(0, size - 1)
        tap = pixel[:, None] - self.first.gather(1, inside.flatten(1)).view_as(inside)
        valid = (output == inside) & (tap >= 0) & (tap < taps)
        which = inside * taps + tap.clamp(0, taps - 1)
        weight = self.weight.flatten(1).gather(1, which.flatten(1)).view_as(place[..., None] * some)
        return inside, weight * valid


@dataclass(frozen=True)
class _Crop:
    """How crops are taken from pictures [B, C, H, W], and their gradient is given back.

    Both happen one axis at a time, on rows that lie along the other axis.
    """

    across: _Axis
    down: _Axis
    resolution: int
    shape: torch.Size
    flipped: Tensor

    @classmethod
    def of(cls, picture: Tensor, box: Tensor, resolution: int, flipped: Tensor) -> _Crop:
        """The crops ``box`` [N, 4], in pixels, of a picture, on its device."""
        height, width = picture.shape[-2:]
        if host.is_readable(box):
            side = box[:, 2:]
            least, most = float(side.min()) / resolution, float(side.max()) / resolution
        else:  # as draw_cutouts draws them, without waiting for the numbers
            least, most = min(1.0, min(height, width) / resolution), max(height, width) / resolution
        box = box.to(picture.device)
        start, extent = box[:, :2].T.flatten(), box[:, 2:].T.flatten()
        length = torch.cat([torch.full_like(box[:, 0], width), torch.full_like(box[:, 0], height)])
        first, weight = _weights(start, extent, length, resolution, most)
        scale, n, stretch = extent / resolution, len(box), max(1.0, 1 / least)
        return cls(
            _Axis(first[:n], weight[:n], start[:n], scale[:n], width, stretch),
            _Axis(first[n:], weight[n:], start[n:], scale[n:], height, stretch),
            resolution,
            picture.shape,
            flipped.to(picture.device),
        )

    @property
    def count(self) -> int:
        """N."""
        return len(self.across.start)

    @cached_property
    def columns(self) -> Tensor:
        """[N, S]: which output of the kernel each column shows, the last one first if mirrored."""
        column = torch.arange(self.resolution, device=self.across.start.device)
        return (column - self.flipped[:, None].long() * (self.resolution - 1)).abs()

    def take(self, picture: Tensor) -> Tensor:
        """[B, C, H, W] -> [N, C, S, S]."""
        channels, height, width = self.shape[1:]
        size, count = self.resolution, self.count
        taps = self.across.weight.shape[2]
        first = self.across.first.gather(1, self.columns)
        weight = self.across.weight.gather(1, self.columns[..., None].expand(-1, -1, taps))
        owner = torch.arange(count, device=picture.device) // (count // self.shape[0])
        rows = _sums(
            picture.transpose(2, 3).reshape(-1, height),
            _indices(owner, channels, width, first[..., None] + _steps(weight)),
            weight[:, None].expand(-1, channels, -1, -1),
        )
        rows = rows.view(count, channels, size, height).transpose(2, 3).reshape(-1, size)
        weight = self.down.weight
        each = torch.arange(count, device=picture.device)
        index = _indices(each, channels, height, self.down.first[..., None] + _steps(weight))
        result = _sums(rows, index, weight[:, None].expand(-1, channels, -1, -1))
        return result.view(count, channels, size, size)

    def give_back(self, gradient: Tensor) -> Tensor:
        """[N, C, S, S] -> [B, C, H, W]."""
        pictures, channels, height, width = self.shape
        size, count = self.resolution, self.count
        each = torch.arange(count, device=gradient.device)
        output, weight = self.down.adjoint()
        rows = _sums(
            gradient.reshape(-1, size),
            _indices(each, channels, size, output),
            weight[:, None].expand(-1, channels, -1, -1),
        )
        rows = rows.view(count, channels, height, size).transpose(2, 3).reshape(-1, height)
        output, weight = self.across.adjoint()
        # The columns are their own inverse: they also say where each output is shown.
        output = self.columns.gather(1, output.flatten(1)).view_as(output)
        index = _indices(each, channels, size, output)  # [N, C, W, R]

        def of_pictures(x: Tensor) -> Tensor:
            """[B, C, W, (N / B) R]."""
            x = x.unflatten(0, (pictures, count // pictures)).permute(0, 2, 3, 1, 4)
            return x.flatten(3)

        weight = weight[:, None].expand(-1, channels, -1, -1)
        result = _sums(rows, of_pictures(index), of_pictures(weight))
        return result.view(pictures, channels, width, height).transpose(2, 3)


def _steps(weight: Tensor) -> Tensor:
    """0, 1, ... as many as the last dimension has."""
    return torch.arange(weight.shape[-1], device=weight.device)


def _indices(owner: Tensor, channels: int, length: int, place: Tensor) -> Tensor:
    """Rows [N, C, S, T] at ``place`` [N, S, T], of ``length`` rows in each channel of an owner."""
    plane = owner[:, None] * channels + torch.arange(channels, device=owner.device)
    return plane[..., None, None] * length + place.clamp(0, length - 1)[:, None]


def _sums(rows: Tensor, index: Tensor, weight: Tensor) -> Tensor:
    """Weighted sums [..., D] of ``rows`` [R, D] by ``index`` [..., T] and ``weight`` [..., T]."""
    index, weight = index.flatten(0, -2), weight.flatten(0, -2)
    return F.embedding_bag(index, rows, mode="sum", per_sample_weights=weight)


def _reflected(picture: Tensor, box: Tensor) -> tuple[Tensor, Tensor]:
    """The picture with its reflection around it, as far as the boxes [N, 4], in pixels, extend.

    The boxes are returned in the larger picture's pixels.
    """
    if not host.is_readable(box):
        return picture, box
    height, width = picture.shape[-2:]
    beyond = torch.stack(
        [-box[:, 0], -box[:, 1], (box[:, 0] + box[:, 2]) - width, (box[:, 1] + box[:, 3]) - height]
    )
    margin = math.ceil(float(beyond.max()) - 1e-3)
    if margin <= 0:
        return picture, box
    picture = picture[..., _reflection(height, margin, picture.device), :]
    picture = picture[..., _reflection(width, margin, picture.device)]
    return picture, box + box.new_tensor([margin, margin, 0, 0])


def _reflection(length: int, margin: int, device: torch.device) -> Tensor:
    """Indices [length + 2 * margin] that mirror 0..length-1 at its ends, as often as needed."""
    index = torch.arange(-margin, length + margin, device=device) % (2 * length)
    return torch.minimum(index, 2 * length - 1 - index)


def _weights(
    start: Tensor, extent: Tensor, length: Tensor, resolution: int, largest: float
) -> tuple[Tensor, Tensor]:
    """The first pixel [M, S] of each output's kernel, and the weights [M, S, T] from there on.

    ``start`` [M] and ``extent`` [M] are the crops' in pixels, out of ``length`` [M]. Pixels outside
    a crop have no weight. ``largest`` is at least the largest number of pixels per output.
    """
    scale = extent / resolution
    stretch = scale.clamp(min=1)
    outputs = torch.arange(resolution, device=start.device, dtype=start.dtype) + 0.5
    centre = start[:, None] + outputs * scale[:, None]
    taps = math.ceil(2 * _SUPPORT * max(1.0, largest)) + 1
    first = (centre - _SUPPORT * stretch[:, None]).floor()
    middle = first[..., None] + (torch.arange(taps, device=start.device) + 0.5)
    weight = _bicubic((middle - centre[..., None]) / stretch[:, None, None])
    edge = 1e-3  # crops of whole pixels have rounding errors
    low, high = start.clamp(min=0), torch.minimum(start + extent, length)
    inside = (middle > (low - edge)[:, None, None]) & (middle < (high + edge)[:, None, None])
    weight = weight * inside
    return first.long(), weight / weight.sum(dim=-1, keepdim=True)


def _bicubic(x: Tensor) -> Tensor:
    """The cubic convolution kernel (Keys 1981, equation 4)."""
    a, x = _SHARPNESS, x.abs()
    near, far = x.clamp(max=1), x.clamp(1, 2)
    # Both are 0 at 1, and the second at 2.
    return ((a + 2) * near - (a + 3)) * near * near + 1 + ((far - 5) * far + 8) * far * a - 4 * a
