"""Slash options made from the request's own fields, so that they cannot disagree."""

from __future__ import annotations

from engine.request import ImageRequest

DESCRIPTION_LENGTH = 100  # Discord's, for a command's and an option's description


def bounds(field: str) -> tuple[int, int]:
    """The least and the greatest value of a whole-numbered field."""
    low = high = None
    for limit in ImageRequest.model_fields[field].metadata:
        low = getattr(limit, "ge", low)
        high = getattr(limit, "le", high)
    if low is None or high is None:
        raise LookupError(f"the field {field} is not bounded on both sides")
    return int(low), int(high)


def describe(field: str) -> str:
    """The field's description, as a slash option has it."""
    text = ImageRequest.model_fields[field].description or field
    return text[:1].upper() + text[1:DESCRIPTION_LENGTH]
