"""How an edit grows to a larger size in stages. Only numbers; does not load torch."""

from __future__ import annotations

import math
from dataclasses import dataclass

Size = tuple[int, int]


@dataclass(frozen=True)
class Growth:
    """The ``sizes`` (width, height) of the stages, which share the ``iterations`` equally.

    The last one is the finished picture's. Iterations after these are painted in it.
    """

    sizes: tuple[Size, ...]
    iterations: int

    def stage(self, iteration: int) -> int:
        """The stage of ``iteration``, both counted from 0."""
        last = len(self.sizes) - 1
        return min(last, iteration * len(self.sizes) // max(1, self.iterations))

    def size_at(self, iteration: int) -> Size:
        """The size of the picture that ``iteration`` paints."""
        return self.sizes[self.stage(iteration)]

    def grows_at(self, iteration: int) -> bool:
        """Whether another stage begins with ``iteration``."""
        return iteration > 0 and self.stage(iteration) != self.stage(iteration - 1)


def stages(start: Size, end: Size, factor: float, multiple: int) -> tuple[Size, ...]:
    """The sizes from ``start``, which is not among them, to ``end``.

    Each has at most ``factor`` times the sides of the one before, and all grow equally; sides are
    multiples of ``multiple``.
    """
    ratio = max(end[0] / start[0], end[1] / start[1])
    # A picture that was rounded to multiples does not get a stage more for that.
    count = max(1, math.ceil(math.log(max(ratio, 1.0)) / math.log(factor) - 0.1))
    sizes = []
    for number in range(1, count):
        share = (1 / ratio) ** (1 - number / count)
        sides = (max(multiple, round(side * share / multiple) * multiple) for side in end)
        sizes.append((next(sides), next(sides)))
    return (*dict.fromkeys(sizes), end)
