"""Slash options made from the request's own fields, so that they cannot disagree."""

from __future__ import annotations

from bot.language.translator import describe
from engine.request.request import ImageRequest

__all__ = ["bounds", "describe", "span"]


def bounds(field: str) -> tuple[int, int]:
    """The least and the greatest value of a whole-numbered field."""
    low, high = span(field)
    return int(low), int(high)


def span(field: str) -> tuple[float, float]:
    """The least and the greatest value of a field that is a number."""
    low = high = None
    for limit in ImageRequest.model_fields[field].metadata:
        low = getattr(limit, "ge", low)
        high = getattr(limit, "le", high)
    if low is None or high is None:
        raise LookupError(f"the field {field} is not bounded on both sides")
    return float(low), float(high)


