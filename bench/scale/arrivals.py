"""When people ask, and who: Poisson or in bursts, a few of them for most of the pictures."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

# In bursts, a tenth of the time has ten times the rate of the rest: after an announcement, say.
_BURST_SHARE, _BURST_FACTOR = 0.1, 10.0


@dataclass(frozen=True)
class Arrival:
    """A request of ``person`` at ``time``, in seconds from the start."""

    time: float
    person: str


@dataclass(frozen=True)
class People:
    """``count`` people; the n-th asks in proportion to n ** -``tail`` (Zipf's law).

    With a tail of 1.2 and 1,000 people, ten ask for 56% of the pictures; 0 makes all alike.
    """

    count: int = 1000
    tail: float = 1.2

    def weights(self) -> list[float]:
        """Cumulative, for ``random.choices``."""
        return list(itertools.accumulate(n**-self.tail for n in range(1, self.count + 1)))


def arrivals(
    rate: float, seconds: float, people: People, rng: random.Random, *, bursts: float = 0.0
) -> Sequence[Arrival]:
    """Requests for ``seconds``, ``rate`` a second on average.

    With ``bursts``, the mean length of a burst in seconds, the rate changes between two values: a
    Markov-modulated Poisson process. Without, it is a Poisson process.
    """
    times = list(_bursty(rate, seconds, rng, bursts) if bursts else _poisson(rate, seconds, rng))
    names = [f"person {n}" for n in range(people.count)]
    who = rng.choices(names, cum_weights=people.weights(), k=len(times))
    return [Arrival(time, person) for time, person in zip(times, who, strict=True)]


def _poisson(rate: float, seconds: float, rng: random.Random) -> Iterator[float]:
    now = rng.expovariate(rate)
    while now < seconds:
        yield now
        now += rng.expovariate(rate)


def _bursty(rate: float, seconds: float, rng: random.Random, length: float) -> Iterator[float]:
    calm = rate / (1 - _BURST_SHARE + _BURST_SHARE * _BURST_FACTOR)
    now, burst = 0.0, False
    while now < seconds:
        mean = length if burst else length * (1 - _BURST_SHARE) / _BURST_SHARE
        until = min(seconds, now + rng.expovariate(1 / mean))
        for time in _poisson(calm * (_BURST_FACTOR if burst else 1.0), until - now, rng):
            yield now + time
        now, burst = until, not burst
