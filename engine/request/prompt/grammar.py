"""The grammar in which requests store their prompts: words, weights and stops.

In full::

    prompts  =  part ( " + " part )*            a plus between spaces separates prompts
    part     =  words [ ":" weight [ ":" stop ] ]

Not every colon starts a weight: ``a castle:0.5`` has one, but a colon after a digit belongs to
the words (``16:9``, ``at 12:30``), as does a colon before a space (``Title: words``). If the
words end in a digit, a space before the colon makes a weight: ``Apollo 11 :2``. ``C++ code`` and
``a+b`` are one prompt each, since their pluses have no spaces around them; a plus in double quotes
is a word. A negative weight pushes the picture away from its words.

Stored requests keep their meaning only if this never changes, so what people type is first
translated into it (see engine.request.prompt.peers).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from decimal import Decimal

from engine.errors import RequestError
from engine.request.quotes import masked

MAX_PROMPTS = 16
MAX_WEIGHT = 100.0
MAX_STOP = 5.0  # the largest distance is pi^2 / 2

NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)"
"""Of a weight or a stop, as a regular expression."""
_WEIGHTED = re.compile(
    rf"^(?P<words>.*?(?:[^\s\d:]|\s))\s*:(?P<weight>{NUMBER})(?::(?P<stop>{NUMBER}))?\s*$",
    re.DOTALL,
)


@dataclass(frozen=True)
class Prompt:
    """Words to paint, and how strongly.

    ``weight`` is -100 to 100 but not 0, and negative weights push away. Once the signed squared
    spherical distance (up to 4.93) is below ``stop``, -5 to 5, the words stop pulling. ``region``
    is where they pull (see engine.request.regions), None for everywhere; ``part`` is the part of a
    story that they belong to, counted from 0, None for all of the time.
    """

    words: str
    weight: float = 1.0
    stop: float = -math.inf
    region: str | None = None
    part: int | None = None

    def times(self, factor: float) -> Prompt:
        """The same words with their weight multiplied by ``factor``."""
        return replace(self, weight=self.weight * factor)

    def __str__(self) -> str:
        """The prompt as a person would type it."""
        words = self.words if self.region is None else f"{self.words} @{self.region}"
        plain = self.weight == 1.0 and self.stop == -math.inf
        if plain and _WEIGHTED.match(words) is None:
            return words
        space = " " if words[-1:].isdigit() or words.endswith(":") else ""
        stop = "" if self.stop == -math.inf else f":{_plain(self.stop)}"
        return f"{words}{space}:{_plain(self.weight)}{stop}"


def _plain(number: float) -> str:
    """The shortest decimal without an exponent that parses to the same number."""
    if number == int(number):
        return str(int(number))
    return format(Decimal(repr(number)), "f")


def parse_canonical(text: str) -> tuple[Prompt, ...]:
    """The prompts in the canonical ``text`` of a request.

    Raises RequestError if there is nothing to paint, if a weight or stop is out of range, or if
    there are more than 16 prompts.
    """
    prompts = tuple(_parse_part(part) for part in split_at_pluses(text) if part.strip())
    if not prompts:
        raise RequestError(
            'The prompt is empty; say what to paint, for example "a red star on a blue background".'
        )
    if len(prompts) > MAX_PROMPTS:
        raise RequestError(
            'There are {count} prompts; at most {most} can be joined with " + ".',
            count=len(prompts),
            most=MAX_PROMPTS,
        )
    if all(prompt.weight == 0 for prompt in prompts):
        raise RequestError("Every prompt has weight 0; give at least one of them another weight.")
    return tuple(prompt for prompt in prompts if prompt.weight != 0)


_PLUS = re.compile(r"(?<!\S)\+(?!\S)")


def split_at_pluses(text: str) -> list[str]:
    """Split at pluses between spaces (or at an end), outside double quotes."""
    parts, start = [], 0
    for plus in _PLUS.finditer(masked(text)):
        parts.append(text[start : plus.start()])
        start = plus.end()
    return [*parts, text[start:]]


def _parse_part(part: str) -> Prompt:
    words = part.strip()
    found = _WEIGHTED.match(words)
    if found is None:
        return Prompt(words)
    stripped = found["words"].strip()
    if not stripped:
        raise RequestError(
            'The weight "{words}" has no words before it; write the words first, '
            'as in "a castle:0.5".',
            words=words[:20],
        )
    return checked_prompt(stripped, found["weight"], found["stop"])


def checked_prompt(words: str, weight: str, stop: str | None = None) -> Prompt:
    """The prompt of a weight and a stop in decimal digits; raises RequestError outside the range.

    ``stop`` is None without one.
    """
    number = float(weight)
    if abs(number) > MAX_WEIGHT:
        raise RequestError(
            "Weights must be between -100 and 100, not {weight}; put the words in double quotes "
            "if the number is one of them.",
            weight=weight[:20],
        )
    if stop is None:
        return Prompt(words, number)
    distance = float(stop)
    if abs(distance) > MAX_STOP:
        raise RequestError("Stops must be between -5 and 5, not {stop}.", stop=stop[:20])
    return Prompt(words, number, distance)
