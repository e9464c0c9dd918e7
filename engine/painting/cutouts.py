"""One picture -> many augmented perceptor inputs (paper, sections 2.3 and G.2).

Drawing and applying are apart: :func:`draw_cutouts` takes every random number of an
iteration from the job's own generator, :func:`cut` is a pure function of the picture and
those numbers. So a job's picture cannot depend on its neighbours, and a test can hand the
numbers to a plain reference.

Crop, flip, affine and perspective are one homography per cutout and one bilinear warp.
The authors' notebook pools the crop first and then warps twice more; one warp blurs once
and costs a third. What pooling did against aliasing, a pyramid of halved pictures does.
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
        """The same numbers on another device, in another precision."""
        moved: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            moved[field.name] = value.to(device, dtype) if isinstance(value, Tensor) else value
        return Cutouts(**moved)

    def only(self, which: Tensor | slice) -> Cutouts:
        """The numbers of some of the cutouts, in the order of ``which``."""
        chosen: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            chosen[field.name] = value[which] if isinstance(value, Tensor) else value
        return Cutouts(**chosen)


def draw_cutouts(augmentation: Augmentation, width: int, height: int, resolution: int,
                 generator: torch.Generator) -> Cutouts:
    """Draw the numbers of one iteration for a picture of ``width`` x ``height`` pixels.

    Always draws the same amount of numbers in the same order on the CPU, in float32, so
    that a seed means the same cutouts on every device.
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
    """The squares or oblongs ``box`` [N, 4], undisturbed; of the whole picture: [[0, 0, 1, 1]]."""
    n = len(box)
    nothing = torch.zeros(n)
    return Cutouts(box, torch.eye(3).expand(n, 3, 3), nothing, torch.ones(n), nothing, None,
                   torch.zeros(n, 4), padding)


def _draw_boxes(augmentation: Augmentation, width: int, height: int, resolution: int,
                uniform: Callable[..., Tensor]) -> Tensor:
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
    """[N, 3, 3] homographies: flip, then shear, turn and shift, about the middle."""
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
    """Rectangles of 10 to 40% of the area, as nerdyrodent's script has them; [N, 4]."""
    area = 0.1 + 0.3 * draws[:, 0]
    stretch = (0.3 + 3.0 * draws[:, 1]).sqrt()
    width = (area.sqrt() * stretch).clamp(max=1.0) * resolution
    height = (area.sqrt() / stretch).clamp(max=1.0) * resolution
    left, top = draws[:, 2] * (resolution - width), draws[:, 3] * (resolution - height)
    return torch.stack([left, top, left + width, top + height], dim=1) * happens[:, None]


def cut(picture: Tensor, cutouts: Cutouts, resolution: int) -> Tensor:
    """``picture`` [1, 3, H, W] in 0..1 -> the cutouts [N, 3, S, S] in 0..1, differentiable.

    ``resolution`` is S, the perceptor's input side in pixels. N pictures [N, 3, H, W] give
    one cutout each, which is how the perceptor is trained on what it will be shown.
    """
    cutouts = cutouts.to(picture.device, picture.dtype)
    cut_out = _warp(picture, cutouts, resolution)
    cut_out = _jitter(cut_out, cutouts)
    cut_out = _erase(cut_out, cutouts)
    if cutouts.grain is not None:
        cut_out = cut_out + cutouts.noise[:, None, None, None] * cutouts.grain
    return cut_out.clamp(0, 1)


def _sampling_grid(cutouts: Cutouts, resolution: int) -> Tensor:
    """Where in the picture, from -1 to 1, each output pixel looks: [N, S, S, 2]."""
    n = len(cutouts.box)
    steps = (torch.arange(resolution, device=cutouts.box.device, dtype=cutouts.box.dtype)
             + 0.5) * 2 / resolution - 1
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    points = torch.stack([x, y, torch.ones_like(x)], dim=-1).view(1, -1, 3)
    moved = points @ cutouts.warp.transpose(1, 2)
    within = moved[..., :2] / moved[..., 2:]
    # Padding fills what the warp draws from outside the crop, not what lies beside the crop
    # in the picture: as if the crop had been cut first.
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
        part = F.grid_sample(source, grid[chosen], mode="bilinear",
                             padding_mode=cutouts.padding, align_corners=False)
        for i, one in zip(chosen, part, strict=True):
            warped[i] = one
    return torch.stack([one for one in warped if one is not None])


def _halved(picture: Tensor, times: int) -> Tensor:
    height, width = picture.shape[-2:]
    size = (max(1, height >> times), max(1, width >> times))
    return picture if times == 0 else F.adaptive_avg_pool2d(picture, size)


def _jitter(cut_out: Tensor, cutouts: Cutouts) -> Tensor:
    """Hue and saturation, where they change at all: the dearest of the augmentations."""
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
