"""The random numbers of an iteration's cutouts, drawn from the job's own generator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor

from engine.request.recipe import Augmentation, Padding, Shrink

Uniform = Callable[..., Tensor]


@dataclass(frozen=True)
class Cutouts:
    """The random numbers of ``N`` cutouts with sides of S pixels.

    Augmentations have kornia's parameters, in its units, with neutral values (0, or a factor of 1)
    for cutouts that they leave alone:

    - ``box`` [N, 4]: left, top, width and height of the crop, in fractions of the picture;
    - ``flipped``, ``turned``, ``tilted``, ``jittered`` [N] bool: which cutouts are flipped, warped
      affinely, warped in perspective, and changed in colour;
    - ``angle`` [N] in degrees, ``translation`` [N, 2] in pixels right and down, ``shear`` [N]
      along x, in degrees;
    - ``corners`` [N, 4, 2]: how far the corners (top left, top right, bottom right, bottom left)
      move right and down, in pixels;
    - ``colours`` [N, 4]: factors of brightness, contrast and saturation, and the hue's shift in
      turns; ``order`` are their indices in the order in which they are applied;
    - ``erase`` [N, 4]: left, top, right, bottom in pixels, empty where nothing is erased;
    - ``noise`` [N]: a standard deviation, in units of the picture's range; ``grain`` [N, 3, S, S]:
      standard normal, or None.

    ``padding`` is what the affine warp shows from outside the crop, ``shrink`` how crops become S
    pixels wide, and ``clamped`` whether cutouts are clamped to 0..1 at the end.
    """

    box: Tensor
    flipped: Tensor
    turned: Tensor
    angle: Tensor
    translation: Tensor
    shear: Tensor
    tilted: Tensor
    corners: Tensor
    jittered: Tensor
    colours: Tensor
    erase: Tensor
    noise: Tensor
    grain: Tensor | None
    order: tuple[int, ...] = (0, 1, 2, 3)
    padding: Padding = "border"
    shrink: Shrink = "bicubic"
    clamped: bool = True

    def to(self, device: torch.device, dtype: torch.dtype) -> Cutouts:
        """The same numbers on ``device``, in the precision ``dtype``."""
        return self._map(
            lambda value: value.to(device, torch.bool if value.dtype == torch.bool else dtype)
        )

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
    Crops are those of the authors' ``MakeCutouts``; the other distributions are those of kornia's
    RandomHorizontalFlip, RandomAffine, RandomPerspective, ColorJiggle (called ColorJitter when the
    paper was written) and RandomErasing.
    """
    n = augmentation.count

    def uniform(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator)

    def around(centre: float, most: float) -> Tensor:
        return centre + (uniform(n) * 2 - 1) * most

    box = _draw_boxes(augmentation, width, height, resolution, uniform)
    flipped = uniform(n) < augmentation.flip
    turned = uniform(n) < augmentation.affine
    angle = around(0, augmentation.degrees)
    translation = (uniform(n, 2) * 2 - 1) * torch.tensor(augmentation.translate) * resolution
    shear = around(0, augmentation.shear)
    tilted = uniform(n) < augmentation.perspective
    inward = torch.tensor([[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]])
    corners = uniform(n, 4, 2) * inward * (augmentation.distortion * resolution / 2)
    jittered = uniform(n) < augmentation.jitter
    colours = torch.stack(
        [
            around(1, augmentation.brightness),
            around(1, augmentation.contrast),
            around(1, augmentation.saturation),
            around(0, augmentation.hue),
        ],
        dim=1,
    )
    order = tuple(torch.randperm(4, generator=generator).tolist())
    erase = _draw_rectangles(augmentation, resolution, uniform)
    noise = uniform(n) * augmentation.noise
    grain = None
    if augmentation.noise:
        grain = torch.randn((n, 3, resolution, resolution), generator=generator)
    return Cutouts(
        box=box,
        flipped=flipped,
        turned=turned,
        angle=angle * turned,
        translation=translation * turned[:, None],
        shear=shear * turned,
        tilted=tilted,
        corners=corners * tilted[:, None, None],
        jittered=jittered,
        colours=torch.where(jittered[:, None], colours, _NEUTRAL_COLOURS),
        erase=erase,
        noise=noise,
        grain=grain,
        order=order,
        padding=augmentation.padding,
        shrink=augmentation.shrink,
        clamped=augmentation.clamped,
    )


_NEUTRAL_COLOURS = torch.tensor([1.0, 1.0, 1.0, 0.0])


def plain_cutouts(box: Tensor) -> Cutouts:
    """The crops ``box`` [N, 4] without augmentation; [[0, 0, 1, 1]] is the whole picture.

    A crop that extends beyond the picture shows its reflection there.
    """
    n = len(box)
    no, nothing = torch.zeros(n, dtype=torch.bool), torch.zeros(n)
    return Cutouts(
        box=box,
        flipped=no,
        turned=no,
        angle=nothing,
        translation=torch.zeros(n, 2),
        shear=nothing,
        tilted=no,
        corners=torch.zeros(n, 4, 2),
        jittered=no,
        colours=_NEUTRAL_COLOURS.expand(n, 4),
        erase=torch.zeros(n, 4),
        noise=nothing,
        grain=None,
    )


def _draw_boxes(
    augmentation: Augmentation, width: int, height: int, resolution: int, uniform: Uniform
) -> Tensor:
    """Squares of whole pixels; a few, if the augmentation says so, are the whole picture."""
    n = augmentation.count
    short = min(width, height)
    least = min(short, resolution)
    side = (uniform(n) ** augmentation.crop_power * (short - least) + least).floor()
    left = (uniform(n) * (width - side + 1)).floor().minimum(width - side)
    top = (uniform(n) * (height - side + 1)).floor().minimum(height - side)
    size = torch.tensor([width, height, width, height], dtype=torch.float32)
    box = torch.stack([left, top, side, side], dim=1) / size
    box[: round(n * augmentation.whole)] = torch.tensor([0.0, 0.0, 1.0, 1.0])
    return box


def _draw_rectangles(augmentation: Augmentation, resolution: int, uniform: Uniform) -> Tensor:
    """Rectangles [N, 4] of 10 to 40% of the area, 0.3 to 3.3 times as high as wide (RandomErasing).

    Half of them are at most as high as they are wide.
    """
    n = augmentation.count
    happens = uniform(n) < augmentation.erasing
    area = (0.1 + 0.3 * uniform(n)) * resolution**2
    flat, tall = 0.3 + 0.7 * uniform(n), 1 + (1 / 0.3 - 1) * uniform(n)
    ratio = torch.where(uniform(n) > 0.5, flat, tall)
    height = (area * ratio).sqrt().round().clamp(1, resolution)
    width = (area / ratio).sqrt().round().clamp(1, resolution)
    left = (uniform(n) * (resolution - width + 1)).floor()
    top = (uniform(n) * (resolution - height + 1)).floor()
    rectangle = torch.stack([left, top, left + width, top + height], dim=1) * happens[:, None]
    return rectangle[:1].expand(n, 4) if augmentation.same_erasing else rectangle
