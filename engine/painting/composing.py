"""Puts an edit back into the picture that it edits, at that picture's own size.

The model paints a part of the picture (or all of it) at its own resolution. What was painted is
enlarged, and detail that the model cannot paint is taken from the original where the edit did not
change it; outside the mask the original's pixels stay.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from engine.painting.images import overlay, to_pil, to_tensor
from engine.painting.masking import inner_slope
from engine.pictures.sizes import Box

_WINDOW = 3  # pixels of the painting on each side
_CONTRAST = 1e-3  # what counts as a change, as a variance of colours in 0..1
_STRIP = 1_000_000  # pixels that are composed at a time
_OVERLAY_SIDE = 1024


@dataclass(frozen=True)
class Frame:
    """Where a painting belongs in the picture that it edits.

    ``picture`` is the whole picture in RGB, in the size in which the edit is given back; ``box`` is
    its part that is painted, ``size`` (width, height) the painting's size. Of the painting,
    ``pad`` (across, down) pixels on each side mirror the part, so that a very long part has an
    aspect that the model can paint. ``white``, grey and of the picture's size, is white where the
    picture can change, None for everywhere; if ``exact``, no pixel changes elsewhere, else an edit
    can reach a little beyond, as the mask of the painting does (engine.painting.masking.make_mask).
    ``found`` has the steps to the part of ``white`` that was found by words, by name and in order.
    ``remarks`` tell the person what they should know about these sizes.
    """

    picture: Image.Image
    box: Box
    size: tuple[int, int]
    pad: tuple[int, int] = (0, 0)
    white: Image.Image | None = None
    exact: bool = False
    found: tuple[tuple[str, Image.Image], ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def visible(self) -> tuple[int, int]:
        """Width and height of the painting without its padding."""
        return self.size[0] - 2 * self.pad[0], self.size[1] - 2 * self.pad[1]

    @property
    def extent(self) -> tuple[int, int]:
        """Width and height of the painted part, in the picture's pixels."""
        return self.box[2] - self.box[0], self.box[3] - self.box[1]

    @property
    def is_same_size(self) -> bool:
        """Whether the painting is the whole picture, pixel for pixel."""
        return self.picture.size == self.extent == self.size

    def start(self) -> Tensor:
        """The part to paint, [1, 3, H, W] in 0..1."""
        part = self.picture.resize(self.visible, Image.Resampling.LANCZOS, self.box)
        return self._padded(to_tensor(part, *self.visible))

    def mask(self) -> Tensor | None:
        """Where the part can change, [1, 1, H, W] of zeros and ones; None for everywhere."""
        if self.white is None:
            return None
        part = self.white.resize(self.visible, Image.Resampling.LANCZOS, self.box)
        grey = to_tensor(part, *self.visible)
        # A thin line may have vanished.
        threshold = min(0.5, max(float(grey.max()) / 2, 1 / 255))
        return self._padded((grey >= threshold).to(grey))

    def _padded(self, pixels: Tensor) -> Tensor:
        across, down = self.pad
        if not across and not down:
            return pixels
        # NumPy's goes on when the border is wider than the picture.
        border = ((0, 0), (0, 0), (down, down), (across, across))
        return torch.from_numpy(np.pad(pixels.numpy(), border, mode="symmetric"))

    def compose(self, painted: Tensor, before: Tensor, pixels: Tensor | None) -> Image.Image:
        """The picture with ``painted`` in its place.

        ``painted`` [3, H, W] in 0..1 is the painting, ``before`` the same for the start, as the
        generator decodes it; ``pixels`` [1, 1, H, W] is the painting's slope from 1, where it can
        change, to 0.
        """
        if self.is_same_size:
            return to_pil(painted)
        painted, before = self.bare(painted), self.bare(before)
        same = likeness(painted, before)
        alpha = self._alpha(pixels)
        result = self.picture.copy()
        left, top, right, _ = self.box
        for rows in self._strips():
            original = self.picture.crop((left, top + rows.start, right, top + rows.stop))
            strip = self._enlarge(painted, rows)
            detail = np.asarray(original, np.float32) / 255 - self._enlarge(before, rows)
            strip += self._enlarge(same, rows).clip(0, 1) * detail
            image = Image.fromarray((strip.clip(0, 1) * 255 + 0.5).astype(np.uint8))
            area = None if alpha is None else alpha.crop((0, rows.start, right - left, rows.stop))
            result.paste(image, (left, top + rows.start), area)
        return result

    def enlarged(self, painted: Tensor) -> Image.Image:
        """``painted`` [3, H, W] in 0..1 alone, in the picture's size."""
        part = to_pil(self.bare(painted))
        result = self.picture.copy()
        result.paste(part.resize(self.extent, Image.Resampling.LANCZOS), self.box[:2])
        return result

    def bare(self, pixels: Tensor) -> Tensor:
        """``pixels`` [C, H, W] without the padding, in float32 on the CPU."""
        (across, down), (width, height) = self.pad, self.visible
        bare = pixels.detach()[:, down : down + height, across : across + width]
        return bare.to("cpu", torch.float32)

    def _strips(self) -> Iterator[range]:
        """Rows of the painted part, as many at a time as bound the memory."""
        width, height = self.extent
        step = max(1, _STRIP // width)
        for first in range(0, height, step):
            yield range(first, min(height, first + step))

    def _enlarge(self, pixels: Tensor, rows: range) -> npt.NDArray[np.float32]:
        """``pixels`` [C, h, w] resized to the painted part's size, only these rows: [H, W, C]."""
        height, width = pixels.shape[-2:]
        scale = height / self.extent[1]
        part = (0.0, rows.start * scale, float(width), min(float(height), rows.stop * scale))
        return np.stack(
            [
                np.asarray(
                    Image.fromarray(channel).resize(
                        (self.extent[0], len(rows)), Image.Resampling.BICUBIC, part
                    )
                )
                for channel in pixels.contiguous().numpy()
            ],
            axis=2,
        )

    def _alpha(self, pixels: Tensor | None) -> Image.Image | None:
        """How much of the painting to take, grey, of the part's size; None for all of it."""
        if self.white is None or pixels is None:
            return None
        if self.exact:
            # The painting itself is already like the original at the mask's border.
            return inner_slope(self.white.crop(self.box), self.extent[0] / self.visible[0])
        # The painting is a mixture itself where ``pixels`` is below 1.
        slope = to_pil(self.bare((2 * pixels[0]).clamp(0, 1)))
        return slope.resize(self.extent, Image.Resampling.BILINEAR)

    def overlay(self) -> Image.Image | None:
        """The picture, at most 1024 px per side, with what can change marked; None without."""
        if self.white is None:
            return None
        small = self._small()
        return overlay(small, self.white.resize(small.size))

    def mask_steps(self) -> dict[str, Image.Image]:
        """The steps to the mask, in order, each at most 1024 px per side; empty without a mask.

        Of a part that was found by words: ``scores``, ``refined`` and ``found``, as far as they
        differ (engine.painting.self_masking.SelfMask). Of every mask: ``mask``, white where the
        picture can change, and ``marked``, the :meth:`overlay`. All but the last are grey.
        """
        marked = self.overlay()
        if marked is None or self.white is None:
            return {}
        steps = {name: step.resize(marked.size) for name, step in self.found}
        return {**steps, "mask": self.white.resize(marked.size), "marked": marked}

    def _small(self) -> Image.Image:
        small = self.picture.copy()
        small.thumbnail((_OVERLAY_SIDE, _OVERLAY_SIDE))
        return small


def likeness(painted: Tensor, before: Tensor) -> Tensor:
    """[1, H, W]: 1 where ``painted`` [3, H, W] is as ``before``, near 0 where it is another thing.

    The slope of a linear regression in windows of 7 px, which is 1 as well where only the light
    changed a little: (cov + e) / (var + e + mse), summed over the channels.
    """
    mean_painted, mean_before = _box(painted), _box(before)
    variance = (_box(before.square()) - mean_before.square()).sum(0, keepdim=True)
    together = (_box(painted * before) - mean_painted * mean_before).sum(0, keepdim=True)
    error = _box((painted - before).square()).sum(0, keepdim=True)
    slope = (together + 3 * _CONTRAST) / (variance + 3 * _CONTRAST + error)
    return slope.clamp(0, 1)


def _box(pixels: Tensor) -> Tensor:
    """Means of [C, H, W] over windows; at the border over the part inside the picture."""
    side = 2 * _WINDOW + 1
    return F.avg_pool2d(pixels, side, 1, _WINDOW, count_include_pad=False)
