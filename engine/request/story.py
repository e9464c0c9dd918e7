"""When each part of a story pulls. Only numbers, so that reading them does not load torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from engine.errors import RequestError


@dataclass(frozen=True)
class Story:
    """A painting whose prompts change: its ``parts`` pull one after the other.

    They share ``length`` iterations equally, and the last one goes on after these. With ``every``,
    each has that many, and after the last one comes the first again (nerdyrodent's
    ``--change_prompt_every``). In the last ``fade`` (0 to 1) of its time, a part's weight falls
    linearly to 0, and the next one's rises. If it is ``fresh``, each part is painted over the one
    before as a picture of its own is painted: with a new optimiser, from the largest learning rate
    to the smallest, and with early cutouts at its beginning. With ``loudness``, numbers of 0 to 1
    over the time of a sound that takes ``length`` iterations, it decides instead of the time: the
    first part pulls in silence, the last one at 1, and in between two neighbours share the weight
    linearly.
    """

    parts: int
    length: int
    every: int | None = None
    fade: float = 0.0
    fresh: bool = False
    loudness: tuple[float, ...] = ()

    @property
    def told(self) -> int:
        """How many parts pull at all in ``length`` iterations."""
        if self.loudness:
            return self.parts
        return min(self.parts, math.ceil(self.length / self.every) if self.every else self.parts)

    def share(self, part: int, iteration: int) -> float:
        """What ``part``'s weight is multiplied by at ``iteration``; both are counted from 0."""
        if self.loudness:
            return max(0.0, 1 - abs(self._loudness_at(iteration) * (self.parts - 1) - part))
        at = self._at(iteration)
        now = math.floor(at)
        following = now + 1
        left = 1 - (at - now)  # of its time
        share = min(1.0, left / self.fade) if self.fade else 1.0
        if self.every:
            now, following = now % self.parts, following % self.parts
        elif following >= self.parts:
            now, share = self.parts - 1, 1.0
        if part == now:
            return share
        return 1 - share if part == following else 0.0

    def progress(self, iteration: int) -> float:
        """How much of the present part's time is over, 0 to 1."""
        return self._at(iteration) % 1

    def begins_at(self, iteration: int) -> bool:
        """Whether a part other than the first begins at ``iteration``."""
        return iteration > 0 and math.floor(self._at(iteration)) > math.floor(
            self._at(iteration - 1)
        )

    def _loudness_at(self, iteration: int) -> float:
        """Interpolated between the middles of the sound's parts; at its end it stays."""
        last = len(self.loudness) - 1
        at = (iteration + 0.5) / self.length * len(self.loudness) - 0.5
        at = min(max(at, 0.0), float(last))
        low = math.floor(at)
        high = min(low + 1, last)
        return self.loudness[low] + (at - low) * (self.loudness[high] - self.loudness[low])

    def _at(self, iteration: int) -> float:
        return iteration / self.every if self.every else iteration * self.parts / self.length


def check_story(given: Mapping[str, object], *, is_story: bool) -> None:
    """Raise RequestError unless the fields ``given`` (None: not set) fit the prompt."""
    names = [name for name, value in given.items() if value is not None]
    for name in names:
        if not is_story:
            raise RequestError(
                '{name} only works with a story, as in "a forest in spring ^ a forest in autumn"; '
                "add a part, or leave {name} out.",
                name=name,
            )
        if name != "loudness" and "loudness" in names:
            raise RequestError(
                "{name} doesn't work with a sound, whose loudness says when each part of the story "
                "pulls; leave one of them out.",
                name=name,
            )
