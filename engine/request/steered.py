"""What steering does to the numbers of a recipe. Only numbers; does not load torch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Steered:
    """Changes at iterations, which are counted from 0 and in order.

    ``longer`` has (iteration, iterations that were added then), ``rates`` (iteration, factor of the
    learning rate from then on), and ``nudges`` (iteration of other words, how many cutouts their
    regions need). Those that are ``fresh`` are painted over what there is as a picture of its own
    is painted: with a new optimiser, from the largest learning rate to the smallest. At an
    iteration only what was changed up to then counts, so that a painting which is steered later was
    the same before.
    """

    longer: tuple[tuple[int, int], ...] = ()
    rates: tuple[tuple[int, float], ...] = ()
    nudges: tuple[tuple[int, int], ...] = ()
    fresh: tuple[int, ...] = ()

    @property
    def more(self) -> int:
        """All iterations that are added."""
        return sum(number for _, number in self.longer)

    def still_to_come(self, iteration: int) -> int:
        """The iterations that are added only after ``iteration``."""
        return sum(number for at, number in self.longer if at > iteration)

    def is_stretched(self, iteration: int) -> bool:
        """Whether iterations were added up to ``iteration``."""
        return any(at <= iteration for at, _ in self.longer)

    def is_nudged(self, iteration: int) -> bool:
        """Whether the words were changed up to ``iteration``."""
        return any(at <= iteration for at, _ in self.nudges)

    def is_rescheduled(self, iteration: int) -> bool:
        """Whether the learning rate follows :meth:`progress` at ``iteration``."""
        return self.is_stretched(iteration) or any(at <= iteration for at in self.fresh)

    def factor(self, iteration: int) -> float:
        """What the learning rate of ``iteration`` is multiplied by."""
        factor = 1.0
        for at, each in self.rates:
            factor *= each if at <= iteration else 1.0
        return factor

    def fewest_cutouts(self, iteration: int) -> int:
        """How many cutouts ``iteration`` needs; 0 if steering says nothing."""
        return next((count for at, count in reversed(self.nudges) if at <= iteration), 0)

    def periods(self, iteration: int, length: int) -> float:
        """How many periods of ``length`` iterations are over at ``iteration``.

        Iterations that are added stretch what is left of the period in which that happens: the
        learning rate goes on from where it is, and falls more slowly.
        """
        over, start = 0, 0
        while True:
            end, here, share = start + length, start, 0.0
            for at, number in self.longer:
                if start <= at < end and at <= iteration:
                    share += (1 - share) * (at - here) / (end - here)
                    here, end = at, end + number
            if iteration < end:
                return over + share + (1 - share) * (iteration - here) / (end - here)
            over, start = over + 1, end

    def progress(self, iteration: int, length: int) -> float:
        """How much of its way from the largest to the smallest the learning rate has gone, 0 to 1.

        It has a period of ``length`` iterations for that, or what is left of it after other words.
        """
        over = self.periods(iteration, length)
        share = over % 1
        began = max((at for at in self.fresh if at <= iteration), default=None)
        if began is None:
            return share
        before = self.periods(began, length)
        if int(before) < int(over):
            return share
        return (share - before % 1) / (1 - before % 1)
