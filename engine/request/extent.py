"""How an edit makes its picture larger by painting around it. Does not load torch."""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.errors import RequestError
from engine.request.limits import Range
from engine.request.method.values import number_of, unreadable

SIDES = ("left", "right", "up", "down")
_FACTORS = Range(1, 4, exclusive=True)  # times
_SHARES = Range(0, 2, exclusive=True)  # of the picture's side
_EXAMPLE = "1.5 for a canvas 1.5 times as wide and high, or left:0.5 for half a picture more"


@dataclass(frozen=True)
class Extent:
    """What is added on each side, as a share of the picture's width or height."""

    left: float = 0.0
    right: float = 0.0
    up: float = 0.0
    down: float = 0.0

    def of(self, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """The pixels that are added on the left, on the right, above and below."""
        width, height = size
        return (
            round(self.left * width),
            round(self.right * width),
            round(self.up * height),
            round(self.down * height),
        )


def parse_extent(text: str) -> Extent:
    """What "1.5", a factor for all sides, or "left:0.5,up:0.25" adds; raises RequestError."""
    if re.fullmatch(r"[\d.,\s]+", text):
        share = (number_of("extend", text.strip(), _FACTORS) - 1) / 2
        return Extent(share, share, share, share)
    given: dict[str, float] = {}
    for part in text.split(","):
        name, _, added = part.strip().lower().partition(":")
        if name not in SIDES or name in given:
            raise unreadable("extend", text, _EXAMPLE)
        given[name] = number_of("extend", added, _SHARES)
    return Extent(**given)


def check_extent(extend: str | None, others: dict[str, object]) -> None:
    """Raise RequestError if the picture is extended and one of the ``others`` is set."""
    if extend is None:
        return
    for name, value in others.items():
        if value is not None:
            raise RequestError(
                "extend paints around the picture, so it doesn't work with {name}; leave one of "
                "them out.",
                name=name,
            )
