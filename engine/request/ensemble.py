"""Perceptors by name, each perhaps with a weight: "ViT-B-32,RN50x4:0.5".

The command line, prompts and requests, the names of models ("imagenet-16384/ViT-B-32,RN50:0.5") and
the catalogue write them like this.
"""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from engine.errors import RequestError

MOST_PERCEPTORS = 8
_MAX_WEIGHT = 100.0
# Published names have slashes and at signs, as in ViT-L/14@336px.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/@-]{0,63}")


class Chosen(NamedTuple):
    """A perceptor's name, and its weight: above 0, up to 100."""

    name: str
    weight: float = 1.0

    def __str__(self) -> str:
        """As a person would type it."""
        weight = int(self.weight) if self.weight == int(self.weight) else self.weight
        return self.name if self.weight == 1 else f"{self.name}:{weight}"


def parse_perceptors(text: str) -> tuple[Chosen, ...]:
    """The perceptors in ``text``, separated by commas; raises RequestError.

    That they exist is found out where the catalogue is at hand.
    """
    found = [_parse(part.strip()) for part in text.split(",")]
    if len(found) > MOST_PERCEPTORS:
        raise RequestError(
            "There are {count} perceptors; at most {most} can guide a painting together.",
            count=len(found),
            most=MOST_PERCEPTORS,
        )
    names = [each.name for each in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise RequestError(
            "The perceptor {name} is named twice; name it once, perhaps with a weight as in "
            "{name}:2.",
            name=twice,
        )
    return tuple(found)


def perceptors_text(perceptors: tuple[Chosen, ...]) -> str:
    """The text that :func:`parse_perceptors` reads as ``perceptors``."""
    return ",".join(map(str, perceptors))


def _parse(part: str) -> Chosen:
    name, colon, given = part.partition(":")
    name = name.strip()
    if _NAME.fullmatch(name) is None:
        raise RequestError(
            "perceptor must have names as in ViT-B-32, or with weights as in ViT-B-32,RN50:0.5, "
            'not "{given}".',
            given=part[:60],
        )
    try:
        weight = float(given) if colon else 1.0
    except ValueError:
        weight = math.nan
    if not 0 < weight <= _MAX_WEIGHT:
        raise RequestError(
            'The weight of the perceptor {name} must be above 0 and at most {most}, not "{given}".',
            name=name,
            most=int(_MAX_WEIGHT),
            given=given.strip()[:40],
        )
    return Chosen(name, weight)
