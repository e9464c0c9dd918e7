"""Some of a job's losses, kept while it is painted, evenly spread over its iterations."""

from __future__ import annotations

import math
from collections.abc import Mapping

from engine.events import Losses

POINTS, NAMED = 48, 16


class LossCurve:
    """The total at every first, second, fourth ... iteration, so that there are at most POINTS.

    On a GPU, losses are known some iterations late (engine.painting.late), and so is the curve.
    ``before`` is what was noted until the painting was saved.
    """

    def __init__(self, before: Losses | None = None) -> None:
        self._every = 1 if before is None else before.every
        self._total: list[float] = [] if before is None else list(before.total)
        self._last: Mapping[str, float] = {} if before is None else before.last

    def add(self, iteration: int, losses: Mapping[str, float]) -> None:
        """Note the newest losses by name, which are empty if none are known yet.

        An iteration that was noted before, as the painting went back, replaces what came after it.
        """
        total = losses.get("total", math.nan)
        if not math.isfinite(total):
            return
        self._last = losses
        place, rest = divmod(iteration, self._every)
        if rest:
            return
        del self._total[place:]
        value = _rounded(total)
        self._total += [value] * (place + 1 - len(self._total))
        while len(self._total) > POINTS:
            self._total = self._total[::2]
            self._every *= 2

    def losses(self) -> Losses | None:
        """What was noted; None if nothing was. At most NAMED of the last losses are in it."""
        if not self._total:
            return None
        named = sorted(self._last.items(), key=lambda each: each[0] != "total")
        last = {name: _rounded(loss) for name, loss in named if math.isfinite(loss)}
        return Losses(self._every, tuple(self._total), dict(list(last.items())[:NAMED]))


def _rounded(loss: float) -> float:
    return float(f"{loss:.5g}")
