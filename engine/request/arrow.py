"""The arrow of an edit: "windmills -> mushrooms", from a source phrase to a target phrase.

An arrow is ``->`` or ``→`` between spaces and outside double quotes: ``p->x`` and ``a->b`` are
words. Pluses and weights belong to their own side: "fog + rain:0.5 -> sun".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from engine.errors import RequestError
from engine.request.quotes import masked
from engine.translatable import Translatable

_ARROW = re.compile(r"(?<!\S)(?:->|→)(?!\S)")


@dataclass(frozen=True)
class Arrow:
    """What the picture shows (``source``) and what it should become (``target``), as typed."""

    source: str
    target: str

    def __str__(self) -> str:
        return f"{self.source} -> {self.target}"


def arrows(text: str) -> Iterator[re.Match[str]]:
    """All arrows in ``text``; their positions are positions in it."""
    return _ARROW.finditer(masked(text))


def parse_arrow(text: str) -> Arrow | None:
    """The arrow in ``text``, None without one.

    Raises RequestError if a side is empty or if there are several arrows.
    """
    found = list(arrows(text))
    if not found:
        return None
    if len(found) > 1:
        raise RequestError(
            'There is more than one arrow; use one, as in "foggy sky -> clear '
            'sky", and put other arrows in double quotes.'
        )
    source, target = text[: found[0].start()].strip(), text[found[0].end() :].strip()
    if not source or not target:
        side = Translatable("after") if source else Translatable("before")
        raise RequestError(
            'The arrow has no words {side} it; write both sides, as in "foggy sky -> clear sky".',
            side=side,
        )
    return Arrow(source, target)
