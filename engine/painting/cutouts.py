"""Augmented crops of a picture as inputs of the perceptor (paper, sections 2.3 and G.2).

Random numbers and image processing are separate: :func:`draw_cutouts` draws all random numbers of
an iteration from the job's own generator, and :func:`cut` is a pure function of the picture and
those numbers. So a job's picture cannot depend on other jobs, and tests can compare with a simple
reference that uses the same numbers.

Crop, flip, affine and perspective are combined into one homography and one bilinear warp per
cutout. The authors' notebook pools the crop and then warps twice; one warp blurs once and costs a
third. Instead of pooling, a pyramid of halved pictures prevents aliasing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import kornia.enhance
import torch
import torch.nn.functional as F
from torch import Tensor

from engine.request.recipe import Augmentation, Padding


@dataclass(frozen=True)
class Cutouts:
    """The random numbers of ``N`` cutouts.

    ``box`` [N, 4] is left, top, width, height in fractions of the picture; ``warp``
    [N, 3, 3] maps output coordinates to crop coordinates, both from -1 to 1; ``hue`` [N] is
    in turns (-0.5 to 0.5), ``saturation`` [N] a factor, ``noise`` [N] a standard deviation
    in units of the picture's range, ``grain`` [N, 3, S, S] standard normal; ``erase``
    [N, 4] is left, top, right, bottom in output pixels, empty where nothing is erased.
    """

    box: Tensor
    warp: Tensor
    hue: Tensor
    saturation: Tensor
    noise: Tensor
    grain: Tensor | None
    erase: Tensor
    padding: Padding = "border"

    def to(self, device: torch.device, dtype: torch.dtype) -> Cutouts:
        """The same numbers on ``device``, in the precision ``dtype``."""
        return self._map(lambda value: value.to(device, dtype))

    def only(self, which: Tensor | slice) -> Cutouts:
        """The numbers of some cutouts, selected by indices [M] or a slice."""
        return self._map(lambda value: value[which])

    def _map(self, function: Callable[[Tensor], Tensor]) -> Cutouts:
        mapped: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            mapped[field.name] = function(value) if isinstance(value, Tensor) else value
        return Cutouts(**mapped)


def draw_cutouts(
    augmentation: Augmentation, width: int, height: int, resolution: int, generator: torch.Generator
) -> Cutouts:
    """Draw the numbers of one iteration for a picture of ``width`` x ``height`` pixels.

    ``resolution`` is the cutouts' side S in pixels. The same number of values is always drawn in
    the same order, in float32 on the CPU, so that a seed gives the same cutouts on every device.
    """
    n = augmentation.count

    def uniform(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator)

    def happens(probability: float) -> Tensor:
        return (uniform(n) < probability).float()

    box = _draw_boxes(augmentation, width, height, resolution, uniform)
    flip = happens(augmentation.flip)
    turned = happens(augmentation.affine)
    angle = (uniform(n) * 2 - 1) * math.radians(augmentation.degrees) * turned
    shift = (uniform(n, 2) * 2 - 1) * 2 * augmentation.translate * turned[:, None]
    shear = (uniform(n) * 2 - 1) * math.radians(augmentation.shear) * turned
    tilt = happens(augmentation.perspective)
    corners = uniform(n, 4, 2) * augmentation.distortion * tilt[:, None, None]
    warp = _affine(angle, shift, shear, flip) @ _perspective(corners)
    jitters = happens(augmentation.jitter)
    hue = (uniform(n) * 2 - 1) * augmentation.hue * jitters
    saturation = 1 + (uniform(n) * 2 - 1) * augmentation.saturation * jitters
    erase = _draw_erasing(happens(augmentation.erasing), uniform(n, 4), resolution)
    noise = uniform(n) * augmentation.noise
    grain = None
    if augmentation.noise:
        grain = torch.randn((n, 3, resolution, resolution), generator=generator)
    return Cutouts(box, warp, hue, saturation, noise, grain, erase, augmentation.padding)


def plain_cutouts(box: Tensor, padding: Padding = "reflection") -> Cutouts:
    """The crops ``box`` [N, 4] without augmentation; [[0, 0, 1, 1]] is the whole picture."""
    n = len(box)
    nothing = torch.zeros(n)
    return Cutouts(
        box,
        torch.eye(3).expand(n, 3, 3),
        nothing,
        torch.ones(n),
        nothing,
        None,
        torch.zeros(n, 4),
        padding,
    )


def _draw_boxes(
    augmentation: Augmentation,
    width: int,
    height: int,
    resolution: int,
    uniform: Callable[..., Tensor],
) -> Tensor:
    n = augmentation.count
    short = min(width, height)
    least = min(short, resolution)
    side = uniform(n) ** augmentation.crop_power * (short - least) + least
    left = uniform(n) * (width - side)
    top = uniform(n) * (height - side)
    size = torch.tensor([width, height, width, height], dtype=torch.float32)
    box = torch.stack([left, top, side, side], dim=1) / size
    box[: round(n * augmentation.whole)] = torch.tensor([0.0, 0.0, 1.0, 1.0])
    return box


def _affine(angle: Tensor, shift: Tensor, shear: Tensor, flip: Tensor) -> Tensor:
    """[N, 3, 3] homographies: flip, then shear, rotate and shift, about the centre."""
    cosine, sine, tangent = angle.cos(), angle.sin(), shear.tan()
    mirror = 1 - 2 * flip
    zero, one = torch.zeros_like(angle), torch.ones_like(angle)
    # fmt: off
    rows = [mirror * cosine, mirror * (cosine * tangent - sine), shift[:, 0],
            sine, sine * tangent + cosine, shift[:, 1],
            zero, zero, one]
    # fmt: on
    return torch.stack(rows, dim=1).view(-1, 3, 3)


def _perspective(corners: Tensor) -> Tensor:
    """[N, 3, 3] homographies that pull the four corners inwards by ``corners`` [N, 4, 2].

    Solves the eight equations of a plane homography (Hartley and Zisserman, 4.1).
    """
    inward = torch.tensor([[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]])
    target = -inward
    source = target + corners * inward
    x, y = target[:, 0].expand(len(corners), 4), target[:, 1].expand(len(corners), 4)
    u, v = source[..., 0], source[..., 1]
    zero, one = torch.zeros_like(u), torch.ones_like(u)
    top = torch.stack([x, y, one, zero, zero, zero, -u * x, -u * y], dim=2)
    bottom = torch.stack([zero, zero, zero, x, y, one, -v * x, -v * y], dim=2)
    solved = torch.linalg.solve(torch.cat([top, bottom], dim=1), torch.cat([u, v], dim=1))
    return torch.cat([solved, torch.ones(len(corners), 1)], dim=1).view(-1, 3, 3)


def _draw_erasing(happens: Tensor, draws: Tensor, resolution: int) -> Tensor:
    """[N, 4] rectangles of 10 to 40% of the area, as in nerdyrodent's script."""
    area = 0.1 + 0.3 * draws[:, 0]
    stretch = (0.3 + 3.0 * draws[:, 1]).sqrt()
    width = (area.sqrt() * stretch).clamp(max=1.0) * resolution
    height = (area.sqrt() / stretch).clamp(max=1.0) * resolution
    left, top = draws[:, 2] * (resolution - width), draws[:, 3] * (resolution - height)
    return torch.stack([left, top, left + width, top + height], dim=1) * happens[:, None]


def cut(picture: Tensor, cutouts: Cutouts, resolution: int) -> Tensor:
    """``picture`` [1, 3, H, W] in 0..1 -> the cutouts [N, 3, S, S] in 0..1, differentiable.

    ``resolution`` is S, in pixels. N pictures [N, 3, H, W] give one cutout each; that is used to
    train a perceptor on augmented pictures.
    """
    cutouts = cutouts.to(picture.device, picture.dtype)
    cut_out = _warp(picture, cutouts, resolution)
    cut_out = _jitter(cut_out, cutouts)
    cut_out = _erase(cut_out, cutouts)
    if cutouts.grain is not None:
        cut_out = cut_out + cutouts.noise[:, None, None, None] * cutouts.grain
    return cut_out.clamp(0, 1)


def _sampling_grid(cutouts: Cutouts, resolution: int) -> Tensor:
    """Each output pixel's coordinates in the picture, -1 to 1: [N, S, S, 2]."""
    n = len(cutouts.box)
    steps = (
        torch.arange(resolution, device=cutouts.box.device, dtype=cutouts.box.dtype) + 0.5
    ) * 2 / resolution - 1
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    points = torch.stack([x, y, torch.ones_like(x)], dim=-1).view(1, -1, 3)
    moved = points @ cutouts.warp.transpose(1, 2)
    within = moved[..., :2] / moved[..., 2:]
    # Pixels outside the crop come from the padding, not from the picture around the crop, as if
    # the crop had been cut out before the warp.
    if cutouts.padding == "border":
        within = within.clamp(-1, 1)
    corner, extent = cutouts.box[:, None, :2], cutouts.box[:, None, 2:]
    return ((corner + (within + 1) / 2 * extent) * 2 - 1).view(n, resolution, resolution, 2)


def _warp(picture: Tensor, cutouts: Cutouts, resolution: int) -> Tensor:
    grid = _sampling_grid(cutouts, resolution)
    height, width = picture.shape[-2:]
    pixels = cutouts.box[:, 2] * width, cutouts.box[:, 3] * height
    shrink = torch.maximum(*pixels) / resolution
    levels = shrink.clamp(min=1).mul(1.0001).log2().floor().long().tolist()
    warped: list[Tensor | None] = [None] * len(levels)
    for level in sorted(set(levels)):
        chosen = [i for i, each in enumerate(levels) if each == level]
        smaller = _halved(picture, level)
        source = smaller.expand(len(chosen), -1, -1, -1) if len(smaller) == 1 else smaller[chosen]
        part = F.grid_sample(
            source, grid[chosen], mode="bilinear", padding_mode=cutouts.padding, align_corners=False
        )
        for i, one in zip(chosen, part, strict=True):
            warped[i] = one
    return torch.stack([one for one in warped if one is not None])


def _halved(picture: Tensor, times: int) -> Tensor:
    height, width = picture.shape[-2:]
    size = (max(1, height >> times), max(1, width >> times))
    return picture if times == 0 else F.adaptive_avg_pool2d(picture, size)


def _jitter(cut_out: Tensor, cutouts: Cutouts) -> Tensor:
    """Hue and saturation, only of the cutouts they change: this augmentation costs most."""
    chosen = ((cutouts.hue != 0) | (cutouts.saturation != 1)).nonzero().flatten()
    if not len(chosen):
        return cut_out
    part = cut_out[chosen]
    part = kornia.enhance.adjust_saturation(part, cutouts.saturation[chosen])
    part = kornia.enhance.adjust_hue(part, cutouts.hue[chosen] * 2 * math.pi)
    return cut_out.index_copy(0, chosen, part)


def _erase(cut_out: Tensor, cutouts: Cutouts) -> Tensor:
    if not cutouts.erase.any():
        return cut_out
    steps = torch.arange(cut_out.shape[-1], device=cut_out.device, dtype=cut_out.dtype) + 0.5
    left, top, right, bottom = (edge[:, None] for edge in cutouts.erase.unbind(1))
    columns = (steps >= left) & (steps < right)
    rows = (steps >= top) & (steps < bottom)
    gone = rows[:, :, None] & columns[:, None, :]
    return cut_out.masked_fill(gone[:, None], 0.0)
