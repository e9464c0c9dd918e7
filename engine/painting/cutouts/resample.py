"""Crops of a picture, resized to squares without aliasing at any scale."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

_SUPPORT = 2  # a bicubic kernel's, in pixels of the larger of the two scales
_SHARPNESS = -0.5  # Keys' a, as in PIL and in torch's antialiased bicubic


def crops(picture: Tensor, box: Tensor, resolution: int) -> Tensor:
    """Crops of a picture [1, 3, H, W], resized to [N, 3, S, S] by an antialiased bicubic kernel.

    ``box`` [N, 4] is left, top, width and height in fractions of the picture; a crop that extends
    beyond the picture shows its reflection there. ``resolution`` is S. N pictures [N, 3, H, W]
    give one crop each. Each crop equals ``torch.nn.functional.interpolate`` of the cropped pixels
    with ``mode="bicubic", antialias=True``.

    The kernel is separable, so the resizing is two products with the matrices of all crops, one
    for each direction; unlike grid_sample's, their backward passes are deterministic on CUDA.
    """
    height, width = picture.shape[-2:]
    picture, box = _reflected(picture, box * box.new_tensor([width, height, width, height]))
    height, width = picture.shape[-2:]
    across = _matrices(box[:, 0], box[:, 2], width, resolution)
    down = _matrices(box[:, 1], box[:, 3], height, resolution)
    if len(picture) == 1:
        rows = torch.einsum("chw,nsw->nchs", picture[0], across)
    else:
        rows = torch.einsum("nchw,nsw->nchs", picture, across)
    return torch.einsum("nchs,nth->ncts", rows, down)


def pooled(picture: Tensor, count: int, resolution: int) -> Tensor:
    """The whole picture [1, 3, H, W], ``count`` times, as squares [N, 3, S, S].

    Each pixel is the mean of the average and the maximum of the pixels under it, as in
    nerdyrodent's script.
    """
    size = (resolution, resolution)
    small = (F.adaptive_avg_pool2d(picture, size) + F.adaptive_max_pool2d(picture, size)) / 2
    return small.expand(count, -1, -1, -1)


def _reflected(picture: Tensor, box: Tensor) -> tuple[Tensor, Tensor]:
    """The picture with its reflection around it, as far as the boxes [N, 4], in pixels, extend.

    The boxes are returned in the larger picture's pixels.
    """
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


def _matrices(start: Tensor, extent: Tensor, length: int, resolution: int) -> Tensor:
    """[N, S, L]: the weight of each of ``length`` pixels in each of ``resolution`` outputs.

    ``start`` [N] and ``extent`` [N] are the crops' in pixels. Pixels outside a crop have no weight.
    """
    scale = extent / resolution
    stretch = scale.clamp(min=1)
    outputs = torch.arange(resolution, device=start.device, dtype=start.dtype) + 0.5
    centre = start[:, None] + outputs * scale[:, None]
    reach = _SUPPORT * float(stretch.max())
    taps = torch.arange(math.ceil(2 * reach) + 1, device=start.device)
    first = (centre - _SUPPORT * stretch[:, None]).floor().long()
    index = first[..., None] + taps  # [N, S, taps]
    middle = index.to(start.dtype) + 0.5
    weight = _bicubic((middle - centre[..., None]) / stretch[:, None, None])
    edge = 1e-3  # crops of whole pixels have rounding errors
    inside = (middle > (start - edge)[:, None, None]) & (
        middle < (start + extent + edge)[:, None, None]
    )
    weight = weight * (inside & (index >= 0) & (index < length))
    weight = weight / weight.sum(dim=-1, keepdim=True)
    matrices = weight.new_zeros(len(start), resolution, length)
    return matrices.scatter_add_(2, index.clamp(0, length - 1), weight)


def _bicubic(x: Tensor) -> Tensor:
    """The cubic convolution kernel (Keys 1981, equation 4)."""
    a, x = _SHARPNESS, x.abs()
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((x - 5) * x + 8) * x * a - 4 * a
    return torch.where(x < 1, near, torch.where(x < 2, far, torch.zeros_like(x)))
