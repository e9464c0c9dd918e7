"""How the camera moves while a picture is painted. Only numbers; does not load torch."""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.errors import RequestError
from engine.request.limits import Range
from engine.request.method.values import number_of, unreadable

EVERY = 5
"""Iterations between two moves if none are given."""
_SHIFTS = Range(-512, 512)  # pixels
_TURNS = Range(-20, 20)  # degrees; half the field of view


@dataclass(frozen=True)
class Motion:
    """A move of the camera after each ``every`` iterations, which the painting follows.

    In each, everything is enlarged ``zoom`` times from the picture's middle, then turns by
    ``degrees`` counterclockwise, then shifts by ``pan`` pixels to the right and down. At last the
    camera turns by ``tilt`` degrees to the right and down. It rests for the first ``rest``
    iterations, as there is nothing to follow yet.
    """

    zoom: float = 1.0
    degrees: float = 0.0
    pan: tuple[float, float] = (0.0, 0.0)
    every: int = EVERY
    rest: int = 0
    tilt: tuple[float, float] = (0.0, 0.0)

    @property
    def is_still(self) -> bool:
        """Whether nothing moves."""
        return self.zoom == 1 and not self.degrees and not any(self.pan + self.tilt)

    def moves_before(self, iteration: int) -> bool:
        """Whether the camera moves before ``iteration``, counted from 0.

        Not before the multiples of ``every``: they are a video's frames, so each is shown after as
        many iterations as possible. No finished picture is one that was just moved.
        """
        done = iteration - 1
        return done > self.rest and done % self.every == 0


def parse_pan(text: str) -> tuple[float, float]:
    """The pixels to the right and down in "2,0"; raises RequestError."""
    return _pair("pan", text, _SHIFTS, "2,0 for 2 pixels to the right in each move")


def parse_tilt(text: str) -> tuple[float, float]:
    """The degrees to the right and down in "1,0"; raises RequestError."""
    return _pair("tilt", text, _TURNS, "1,0 for 1 degree to the right in each move")


def _pair(name: str, text: str, within: Range, example: str) -> tuple[float, float]:
    parts = re.split(r"\s*[,;x\s]\s*", text.strip())
    if len(parts) != 2:
        raise unreadable(name, text, example)
    across, down = (number_of(name, part, within) for part in parts)
    return across, down


def check_moves(motion: Motion | None, every: int | None, is_masked: bool) -> None:
    """Raise RequestError for ``every`` without a move, or for a move of an edit's part."""
    if motion is None and every is not None:
        raise RequestError(
            "every only works with zoom, rotate, pan or tilt; add one of them, or leave every out."
        )
    if motion is not None and is_masked:
        raise RequestError(
            "zoom, rotate, pan and tilt move the whole picture, so they don't work with a mask or "
            "with where; leave one of them out."
        )
