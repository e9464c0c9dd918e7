"""What a run of bench.chaos found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """The figures; ``recovery_s_median`` is the time from a kill to a job's next picture.

    ``takeover_s_max`` is the longest time from a process's death until another one is connected to
    its shard; ``broken_across`` is how many promises do not hold across processes
    (bench/bot/across.py).
    """

    rounds: int
    accepted: int
    delivered: int
    refused: int
    lost: int
    twice: int
    recovery_s_median: float
    takeover_s_max: float | None = None
    broken_across: int | None = None

    @property
    def is_good(self) -> bool:
        """Whether nothing was lost, posted twice or broken."""
        return self.lost == self.twice == (self.broken_across or 0) == 0
