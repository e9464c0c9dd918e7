"""Sizes and parts of pictures, as numbers."""

from __future__ import annotations

MOST_EDITED = 25_000_000
"""The most pixels of an edit; photographs of 24 megapixels are below it."""

Box = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels; right and bottom are not included."""


def middle(size: tuple[int, int], aspect: float) -> Box:
    """The largest part of this aspect (width over height) in the middle of a picture of ``size``.

    At least one pixel in each direction.
    """
    width = min(size[0], max(1, round(size[1] * aspect)))
    height = min(size[1], max(1, round(size[0] / aspect)))
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    return left, top, left + width, top + height


def with_sides(aspect: float, width: int | None, height: int | None) -> tuple[int, int]:
    """Width and height, of which one or both are given; the other follows from ``aspect``."""
    return (
        width or max(1, round((height or 1) * aspect)),
        height or max(1, round((width or 1) / aspect)),
    )


def at_most(size: tuple[int, int], pixels: int) -> tuple[int, int]:
    """``size``, made smaller in the same shape if it has more than ``pixels``."""
    share = (pixels / (size[0] * size[1])) ** 0.5
    if share >= 1:
        return size
    return max(1, int(size[0] * share)), max(1, int(size[1] * share))
