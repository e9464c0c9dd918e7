"""Optimisers, distances, schedules of the learning rate, and starts, as people choose them."""

from __future__ import annotations

import math
from collections.abc import Callable

from engine.request.limits import Range
from engine.request.method.values import chosen, number_of, split_number, unreadable

OPTIMISERS = (
    "adam",
    "adamw",
    "adamp",
    "adamax",
    "adagrad",
    "diffgrad",
    "nadam",
    "radam",
    "rmsprop",
    "sgd",
)
"""What can move the latent: the paper's Adam, and PyTorch's and nerdyrodent's other ones."""
DISTANCES = ("spherical", "augclip")
"""From a cutout's vector to a prompt's: half the square of their angle, as in the paper, or 1 minus
their cosine, of which the mean over augmented cutouts is FuseDream's AugCLIP (Liu et al. 2021)."""


def _constant(done: float, left: float) -> float:
    return 1.0


def _linear(done: float, left: float) -> float:
    return 1 - (1 - left) * done


def _cosine(done: float, left: float) -> float:
    return left + (1 - left) * (1 + math.cos(math.pi * done)) / 2


def _exponential(done: float, left: float) -> float:
    return math.exp(math.log(left) * done)


RATES: dict[str, Callable[[float, float], float]] = {
    "constant": _constant,
    "linear": _linear,
    "cosine": _cosine,  # Loshchilov and Hutter 2017, equation 5
    "exponential": _exponential,
}
"""The factor of the learning rate, from the share of the iterations that is done and the share of
the rate that is left at the end."""
_LEFT = {"constant": 1.0, "linear": 0.0, "cosine": 0.0, "exponential": 0.01}
_SHARES = {"exponential": Range(0, 1, exclusive=True)}
_STARTS = Range(1, 256)


def parse_schedule(text: str) -> tuple[str, float]:
    """The schedule and the share that is left of "cosine" or "linear:0.1"; raises RequestError."""
    name, number = split_number(text)
    chosen("schedule", name, RATES)
    if number is None:
        return name, _LEFT[name]
    return name, number_of("schedule", number, _SHARES.get(name, Range(0, 1)))


def parse_starts(text: str) -> tuple[int, int]:
    """How many starts, and how many of them are mixed, in "64" or "64:5"; raises RequestError."""
    parts = text.strip().split(":")
    if len(parts) > 2 or not all(part.isascii() and part.isdigit() for part in parts):
        raise unreadable("starts", text, "64, or 64:5 for a mean of the best 5")
    starts = int(number_of("starts", parts[0], _STARTS))
    return starts, int(number_of("starts", parts[-1], Range(1, starts))) if len(parts) > 1 else 1
