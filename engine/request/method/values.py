"""Values like "left-right:2": a choice with a number after a colon."""

from __future__ import annotations

import math
from collections.abc import Iterable

from engine.errors import RequestError
from engine.request.limits import Range

WEIGHTS = Range(0, 100)
"""What the weight of a loss can be."""


def split_number(text: str) -> tuple[str, str | None]:
    """What is before the last colon, and what is after it; None without a colon."""
    choice, colon, number = text.strip().rpartition(":")
    return (choice.strip(), number.strip()) if colon else (number.strip(), None)


def number_of(field: str, text: str, bounds: Range) -> float:
    """The number in ``text``; raises RequestError outside ``bounds``."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    above = number > bounds.low if bounds.exclusive else number >= bounds.low
    if not (above and number <= bounds.high):
        raise RequestError(bounds.complaint(field, text[:40]))
    return number


def chosen(field: str, name: str, names: Iterable[str]) -> str:
    """``name`` if it is one of ``names``, else raises RequestError."""
    if name not in names:
        raise RequestError(
            '{field} can\'t be "{name}"; choose one of {names}.',
            field=field.replace("_", " "),
            name=name[:40],
            names=", ".join(names),
        )
    return name


def unreadable(field: str, given: str, example: str) -> RequestError:
    """What to tell a person whose value cannot be read."""
    return RequestError(
        '{field} can\'t be "{given}"; write it like {example}.',
        field=field.replace("_", " "),
        given=given[:40],
        example=example,
    )
