"""What the time of an iteration depends on, and what is learnt about it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    """What the time of an iteration depends on; sizes in pixels."""

    model: str
    width: int
    height: int
    cutouts: int


@dataclass(frozen=True)
class Learnt:
    """What an estimator learnt.

    ``speeds`` are seconds per iteration; ``sizes`` have what requests say, as JSON, and what they
    turned out to be: an effort, and a number of iterations. What was known of the speeds of the
    ``outdated`` models, other than ``speeds``, is wrong now.
    """

    speeds: tuple[tuple[Effort, float], ...] = ()
    sizes: tuple[tuple[str, Effort, int], ...] = ()
    outdated: tuple[str, ...] = ()
