"""The random numbers of an iteration's cutouts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from engine.painting.cutouts.rare_numbers import draw_rare
from engine.random_numbers import Draws, Stream
from engine.request.recipe import Augmentation, Padding, Shrink

if TYPE_CHECKING:
    from engine.painting.cutouts.views import Views

# The columns of ``Cutouts.colours``.
BRIGHTNESS, CONTRAST, SATURATION, HUE = range(4)


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

    Those that are drawn only where they are asked for are None otherwise:

    - ``zoomed`` [N] bool, which show only a part of themselves, and ``window`` [N, 4]: its left,
      top, width and height in fractions of the cutout;
    - ``bent`` [N] bool, which are warped elastically, and ``ripple`` [N, 2, S, S]: noise in -1..1,
      right and down, that ``alpha`` multiplies once it is smooth;
    - ``sharpened`` [N] bool, and ``blend`` [N]: the factor, which is 1 for no change and 0 for a
      blurred cutout.

    ``padding`` is what the affine warp shows from outside the crop, ``shrink`` how crops become S
    pixels wide, and ``clamped`` whether cutouts are clamped to 0..1 at the end. ``possible`` is
    what they were drawn for, which says without a look at the numbers what happens to no cutout;
    None if anything can happen. ``views`` tells which region each cutout is of; None if all are of
    the whole picture.
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
    zoomed: Tensor | None = None
    window: Tensor | None = None
    bent: Tensor | None = None
    ripple: Tensor | None = None
    alpha: float = 1.0
    sharpened: Tensor | None = None
    blend: Tensor | None = None
    order: tuple[int, ...] = (0, 1, 2, 3)
    padding: Padding = "border"
    shrink: Shrink = "bicubic"
    clamped: bool = True
    possible: Augmentation | None = None
    views: Views | None = None

    def to(self, device: torch.device, dtype: torch.dtype) -> Cutouts:
        """The same numbers on ``device``, in the precision ``dtype``."""
        return self._map(
            lambda value: value.to(device, torch.bool if value.dtype == torch.bool else dtype)
        )

    def only(self, which: Tensor | slice) -> Cutouts:
        """The numbers of some cutouts, selected by indices [M] or a slice."""
        some = self._map(lambda value: value[which])
        return some if self.views is None else replace(some, views=self.views.only(which))

    def of_job(self, job: int) -> Cutouts:
        """Those of one of several jobs, whose numbers were drawn together: [B, N, ...]."""
        return self._map(lambda value: value[job])

    @classmethod
    def joined(cls, parts: Sequence[Cutouts]) -> Cutouts:
        """All cutouts of ``parts``, which differ in their numbers alone."""
        values: dict[str, Any] = {}
        for field in fields(cls):
            each = [getattr(part, field.name) for part in parts]
            values[field.name] = torch.cat(each) if isinstance(each[0], Tensor) else each[0]
        return cls(**values)

    def _map(self, function: Callable[[Tensor], Tensor]) -> Cutouts:
        mapped: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            mapped[field.name] = function(value) if isinstance(value, Tensor) else value
        return Cutouts(**mapped)


def draw_cutouts(
    augmentation: Augmentation,
    width: int,
    height: int,
    resolution: int,
    draws: Draws,
    order: tuple[int, ...] | None = None,
) -> Cutouts:
    """Draw the numbers of one iteration for a picture of ``width`` x ``height`` pixels.

    ``resolution`` is the cutouts' side S in pixels. Each kind of number has its own stream, on the
    device of ``draws``, and is drawn for all cutouts, whether the augmentation happens or not.
    Crops are those of the authors' ``MakeCutouts``; the other distributions are those of kornia's
    RandomHorizontalFlip, RandomAffine, RandomPerspective, ColorJiggle (called ColorJitter when the
    paper was written) and RandomErasing; see rare_numbers.py for the others. Draws for B
    jobs give B first in all shapes; then the ``order`` of the colours, which is drawn on the host,
    has to be given.
    """
    n = augmentation.count
    drawn = draws.uniforms(_small_draws(n))

    def happens(stream: Stream, probability: float) -> Tensor:
        return drawn[stream] < probability

    def around(stream: Stream, most: float) -> Tensor:
        return (drawn[stream] * 2 - 1) * most

    turned = happens(Stream.TURNED, augmentation.affine)
    tilted = happens(Stream.TILTED, augmentation.perspective)
    jittered = happens(Stream.JITTERED, augmentation.jitter)
    grain = None
    if augmentation.noise:
        grain = draws.normal(Stream.GRAIN, (n, 3, resolution, resolution))
    return Cutouts(
        box=boxes(augmentation, width, height, resolution, drawn),
        flipped=happens(Stream.FLIPPED, augmentation.flip),
        turned=turned,
        angle=around(Stream.ANGLES, augmentation.degrees) * turned,
        translation=_scaled(
            around(Stream.SHIFTS, 1.0), [most * resolution for most in augmentation.translate]
        )
        * turned[..., None],
        shear=around(Stream.SHEARS, augmentation.shear) * turned,
        tilted=tilted,
        corners=_inwards(drawn[Stream.CORNERS] * (augmentation.distortion * resolution / 2))
        * tilted[..., None, None],
        jittered=jittered,
        colours=_colours(augmentation, drawn[Stream.COLOURS], jittered),
        erase=_rectangles(augmentation, resolution, drawn),
        noise=drawn[Stream.NOISE] * augmentation.noise,
        grain=grain,
        order=colour_order(draws) if order is None else order,
        padding=augmentation.padding,
        shrink=augmentation.shrink,
        clamped=augmentation.clamped,
        possible=augmentation,
        **draw_rare(augmentation, resolution, draws),
    )


def colour_order(draws: Draws) -> tuple[int, ...]:
    """The order of the changes of colour, drawn on the host for one job."""
    return draws.order(Stream.COLOUR_ORDER, 4)


def order_that_matters(augmentation: Augmentation, draws: Draws) -> tuple[int, ...]:
    """The :func:`colour_order` of an iteration, the same for those that give the same cutouts.

    Without changes that cannot happen. A change of saturation next to one small change of the hue
    is a single step, in either order.
    """
    if not augmentation.jitter:
        return ()
    return without_difference(colour_order(draws), augmentation)


def without_difference(order: tuple[int, ...], augmentation: Augmentation) -> tuple[int, ...]:
    """``order`` without what cannot happen; the same for those that give the same cutouts."""
    most = augmentation.brightness, augmentation.contrast, augmentation.saturation, augmentation.hue
    order = tuple(column for column in order if most[column] > 0)
    if set(order) == {SATURATION, HUE} and augmentation.hue * 6 <= 1:
        return SATURATION, HUE
    return order


def _small_draws(n: int) -> dict[Stream, tuple[int, ...]]:
    """The shapes of the uniform numbers of ``n`` cutouts."""
    return {
        Stream.CROP_SIDES: (n,),
        Stream.CROP_PLACES: (n, 2),
        Stream.FLIPPED: (n,),
        Stream.TURNED: (n,),
        Stream.ANGLES: (n,),
        Stream.SHIFTS: (n, 2),
        Stream.SHEARS: (n,),
        Stream.TILTED: (n,),
        Stream.CORNERS: (n, 4, 2),
        Stream.JITTERED: (n,),
        Stream.COLOURS: (n, 4),
        Stream.ERASED: (n,),
        Stream.ERASED_SHAPES: (n, 4),
        Stream.ERASED_PLACES: (n, 2),
        Stream.NOISE: (n,),
    }


def plain_cutouts(box: Tensor | None = None) -> Cutouts:
    """The crops ``box`` [N, 4] without augmentation; by default one of the whole picture.

    A crop that extends beyond the picture shows its reflection there.
    """
    box = torch.tensor([[0.0, 0.0, 1.0, 1.0]]) if box is None else box
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
        colours=torch.tensor([1.0, 1.0, 1.0, 0.0]).expand(n, 4),
        erase=torch.zeros(n, 4),
        noise=nothing,
        grain=None,
    )


def _scaled(values: Tensor, factors: Sequence[float]) -> Tensor:
    """``values`` [..., K], each multiplied by its factor.

    The factors stay numbers: as a tensor they would have to be copied to the device.
    """
    columns = zip(values.unbind(-1), factors, strict=True)
    return torch.stack([column * factor for column, factor in columns], dim=-1)


def _inwards(corners: Tensor) -> Tensor:
    """Lengths [..., 4, 2] as shifts of the corners towards the middle, right and down."""
    right, down = corners.unbind(-1)
    signs = (1, -1, -1, 1), (1, 1, -1, -1)
    return torch.stack([_scaled(right, signs[0]), _scaled(down, signs[1])], dim=-1)


def _colours(augmentation: Augmentation, drawn: Tensor, jittered: Tensor) -> Tensor:
    """Factors of brightness, contrast and saturation and the hue's shift, [..., N, 4]."""
    most = augmentation.brightness, augmentation.contrast, augmentation.saturation, augmentation.hue
    shifts = _scaled(drawn * 2 - 1, most) * jittered[..., None]
    return torch.cat([1 + shifts[..., :3], shifts[..., 3:]], dim=-1)


def boxes(
    augmentation: Augmentation,
    width: int,
    height: int,
    resolution: int,
    drawn: Mapping[Stream, Tensor],
) -> Tensor:
    """Squares of whole pixels; a few, if the augmentation says so, are the whole picture."""
    short = min(width, height)
    least = min(short, resolution)
    power = drawn[Stream.CROP_SIDES] ** augmentation.crop_power
    side = (power * (short - least) + least).floor()
    right, down = drawn[Stream.CROP_PLACES].unbind(-1)
    left = (right * (width - side + 1)).floor().minimum(width - side)
    top = (down * (height - side + 1)).floor().minimum(height - side)
    box = torch.stack([left / width, top / height, side / width, side / height], dim=-1)
    whole = round(augmentation.count * augmentation.whole)
    box[..., :whole, :2].zero_()
    box[..., :whole, 2:].fill_(1)
    return box


def _rectangles(
    augmentation: Augmentation, resolution: int, drawn: Mapping[Stream, Tensor]
) -> Tensor:
    """Rectangles [..., N, 4], 0.3 to 3.3 times as high as wide.

    Their area is a quarter of the largest at least, by default 10 to 40% of the cutout.

    As in kornia's RandomErasing, half of them are at most as high as they are wide.
    """
    happens = drawn[Stream.ERASED] < augmentation.erasing
    size, low, high, which = drawn[Stream.ERASED_SHAPES].unbind(-1)
    most = augmentation.area
    area = (most / 4 + (most - most / 4) * size) * resolution**2
    flat, tall = 0.3 + 0.7 * low, 1 + (1 / 0.3 - 1) * high
    ratio = torch.where(which > 0.5, flat, tall)
    height = (area * ratio).sqrt().round().clamp(1, resolution)
    width = (area / ratio).sqrt().round().clamp(1, resolution)
    right, down = drawn[Stream.ERASED_PLACES].unbind(-1)
    left = (right * (resolution - width + 1)).floor()
    top = (down * (resolution - height + 1)).floor()
    rectangle = torch.stack([left, top, left + width, top + height], dim=-1) * happens[..., None]
    if augmentation.same_erasing:
        return rectangle[..., :1, :].expand(rectangle.shape)
    return rectangle
