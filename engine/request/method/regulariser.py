"""The regulariser of section 2.4, and the readings of how it decays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.errors import RequestError
from engine.request.method.values import WEIGHTS, number_of, split_number

Schedule = Callable[[float, int, int], float]


def _linear(weight: float, i: int, total: int) -> float:
    return max(0.0, weight - 0.005 * i)


def _geometric(weight: float, i: int, total: int) -> float:
    return weight * 0.995**i


def _whole(weight: float, i: int, total: int) -> float:
    return max(0.0, weight - 0.005 * i / max(1, total))


def _notebook(weight: float, i: int, total: int) -> float:
    drops = (i - 1) // 50 if i else 0
    # The last fifth is never used: in floating point, 1.5 - 4 * 0.3 is less than 0.3.
    return weight * (5 - drops) / 5 if drops < 4 else 0.0


def _harmonic(weight: float, i: int, total: int) -> float:
    return weight / (2 * i + 1)


def _constant(weight: float, i: int, total: int) -> float:
    return weight


SCHEDULES: dict[str, Schedule] = {
    "linear": _linear,
    "geometric": _geometric,
    "whole": _whole,
    "notebook": _notebook,
    "harmonic": _harmonic,
    "constant": _constant,
}
"""How the regulariser's weight decays: from (weight, iteration, all iterations) to the weight.

The paper says "we decay the regularization term by 0.005 over the course of generation", which
can mean 0.005 less each iteration (``linear``), 0.5% less each iteration (``geometric``) or 0.005
less over all iterations (``whole``). The authors' MSE notebook starts at 1.5 / 2, subtracts a fifth
after iterations 50, 100 and 150, counted from 0, and is at 0 after iteration 200 (``notebook``);
their command line uses weight / (2 (2 i + 1)) (``harmonic``)."""


@dataclass(frozen=True)
class Regulariser:
    """alpha * mean((z - anchor)^2) (paper, section 2.4), where alpha decays by ``schedule``.

    ``towards`` chooses the anchor: "zero", as in the paper; "start", the first z, for edits, since
    a strong pull to zero greys the picture; or "picture", as in the authors' notebook, the first z
    if the painting starts from a picture and else zero. If the recipe's steps are in standard
    deviations of the codebook, so is the difference.
    """

    weight: float = 0.0
    schedule: str = "linear"
    towards: str = "zero"

    def alpha(self, iteration: int, iterations: int) -> float:
        """The weight at ``iteration``, counted from 0, of ``iterations`` in total."""
        return SCHEDULES[self.schedule](self.weight, iteration, iterations)


def parse_regulariser(text: str) -> tuple[str, float | None]:
    """The schedule and the weight, if there is one, of "linear:0.5"; raises RequestError."""
    name, number = split_number(text)
    if name not in SCHEDULES:
        raise RequestError(
            'There is no regulariser "{name}"; choose one of {names}.',
            name=name[:40],
            names=", ".join(SCHEDULES),
        )
    return name, None if number is None else number_of("regulariser", number, WEIGHTS)
