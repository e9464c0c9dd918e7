"""The size and the aspect of a picture: whichever a person gives last wins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.request.limits import range_of

_SIDES = ("width", "height")


def with_shape(fields: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a request, overridden by those ``given`` later.

    A size replaces an aspect; an aspect gives a size another shape with the same area, as if both
    were ``given``.
    """
    result = {**fields, **given}
    sides = [name for name in _SIDES if given.get(name) is not None]
    if sides:
        result["pixels"] = None
    if sides and given.get("aspect") is None:
        return sized(result)
    return reshaped(result)


def reshaped(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a request; next to an aspect, only the area of a width and a height counts.

    A size out of range stays, so that it is refused as a size.
    """
    if not _is_double(fields) or not all(_is_side(fields[name]) for name in _SIDES):
        return dict(fields)
    area = fields["width"] * fields["height"]
    return {**fields, "width": None, "height": None, "pixels": area}


def sized(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a request; next to a width and a height, an aspect does not count."""
    return {**fields, "aspect": None} if _is_double(fields) else dict(fields)


def _is_double(fields: Mapping[str, Any]) -> bool:
    """Whether there are a size and an aspect."""
    return all(fields.get(name) is not None for name in (*_SIDES, "aspect"))


def _is_side(value: Any) -> bool:
    bounds = range_of("width")
    return isinstance(value, int) and bounds.low <= value <= bounds.high
