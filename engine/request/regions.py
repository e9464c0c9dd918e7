"""Regions of a picture by name or in per cent: "left", "0-50%,20-100%" (across, then down)."""

from __future__ import annotations

import re

from engine.errors import RequestError

Rectangle = tuple[float, float, float, float]
"""Left, top, right and bottom, as shares of the picture."""

NAMES: dict[str, Rectangle] = {
    "left": (0, 0, 0.5, 1),
    "right": (0.5, 0, 1, 1),
    "top": (0, 0, 1, 0.5),
    "bottom": (0, 0.5, 1, 1),
    "middle": (0.25, 0.25, 0.75, 0.75),
    "top-left": (0, 0, 0.5, 0.5),
    "top-right": (0.5, 0, 1, 0.5),
    "bottom-left": (0, 0.5, 0.5, 1),
    "bottom-right": (0.5, 0.5, 1, 1),
}
SAME = {"center": "middle", "centre": "middle"}

_NUMBER = r"\d{1,3}(?:\.\d+)?"
_SPAN = rf"(?:{_NUMBER})%?-(?:{_NUMBER})%?"
RECTANGLE = rf"{_SPAN},{_SPAN}"
"""A regular expression for a region in per cent, as people type it."""
_RECTANGLE = re.compile(RECTANGLE)
MASK_NAME = re.compile(r"[a-z][a-z0-9_-]{0,30}")


def region_named(text: str) -> str | None:
    """``text`` in the form that is stored, "middle" or "0-50%,20-100%"; None for other words.

    Raises RequestError for a rectangle that is empty or beyond the picture.
    """
    name = text.lower()
    name = SAME.get(name, name)
    if name in NAMES:
        return name
    if _RECTANGLE.fullmatch(name) is None:
        return None
    left, right, top, bottom = map(float, re.findall(_NUMBER, name))
    if not (left < right <= 100 and top < bottom <= 100):
        raise RequestError(
            'The region "@{given}" must go from a smaller to a larger percentage, at most 100, '
            "across and down, as in @0-50%,20-100%.",
            given=text[:40],
        )
    return f"{left:g}-{right:g}%,{top:g}-{bottom:g}%"


def rectangle_of(region: str) -> Rectangle | None:
    """Where a stored region is; None for one that only a mask knows."""
    if region in NAMES:
        return NAMES[region]
    if _RECTANGLE.fullmatch(region) is None:
        return None
    left, right, top, bottom = (float(each) / 100 for each in re.findall(_NUMBER, region))
    return left, top, right, bottom
