"""What a person typed -> prompts with weights and stops, and flags.

The grammar, in full::

    prompts  =  part ( " + " part )*            a plus between spaces adds prompts
    part     =  words [ ":" weight [ ":" stop ] ]
    flag     =  "--name value" | "--name=value"   anywhere, between spaces; a value of several
                words stands in double quotes, as in --where "the red jacket"

A weight must read like one: ``a castle:0.5`` has a weight, but a colon after a digit belongs
to the words (``16:9``, ``at 12:30``), as does one with a space behind it (``Title: words``).
Where the words end in a digit, a space before the colon makes it a weight: ``Apollo 11 :2``.
``C++ code`` and ``a+b`` hold no spaced plus, so they are one prompt each; in double quotes a
spaced plus is words too. A negative weight pushes the picture away from its words.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from decimal import Decimal

from engine.errors import RequestError

MAX_PROMPTS = 16
MAX_WEIGHT = 100.0
MAX_STOP = 5.0  # the largest distance is pi^2 / 2

_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)"
_WEIGHTED = re.compile(
    rf"^(?P<words>.*?(?:[^\s\d:]|\s))\s*:(?P<weight>{_NUMBER})(?::(?P<stop>{_NUMBER}))?\s*$",
    re.DOTALL)
# Phone keyboards turn two hyphens into one dash.
_FLAG = re.compile(r"(?<!\S)(?:--|—|–)(?P<name>[A-Za-z][A-Za-z-]*)(?:=|\s+|$)"
                   r"(?P<value>[\"“”][^\"“”]*[\"“”](?!\S)|(?<==)\S*|(?!--|—|–)[^\s\"]\S*)?")


@dataclass(frozen=True)
class Prompt:
    """Words to paint, how much they count, and when they are content.

    ``weight`` is -100 to 100, not 0; ``stop`` is the signed squared spherical distance
    (-5 to 5; distances go to 4.93) below which they stop pulling.
    """

    words: str
    weight: float = 1.0
    stop: float = -math.inf

    def times(self, factor: float) -> Prompt:
        """The same words, counting ``factor`` times as much; a negative one turns them round."""
        return replace(self, weight=self.weight * factor)

    def __str__(self) -> str:
        """The prompt as one would type it."""
        plain = self.weight == 1.0 and self.stop == -math.inf
        if plain and _WEIGHTED.match(self.words) is None:
            return self.words
        space = " " if self.words[-1:].isdigit() or self.words.endswith(":") else ""
        stop = "" if self.stop == -math.inf else f":{_plain(self.stop)}"
        return f"{self.words}{space}:{_plain(self.weight)}{stop}"


def _plain(number: float) -> str:
    """The shortest decimal without an exponent that reads back as the same number."""
    if number == int(number):
        return str(int(number))
    return format(Decimal(repr(number)), "f")


def parse_prompts(text: str) -> tuple[Prompt, ...]:
    """The prompts in ``text``, which holds no flags (see :func:`split_flags`).

    Raises RequestError where nothing is left to paint, a weight or stop is out of range or
    there are more than 16 prompts.
    """
    prompts = tuple(_parse_part(part) for part in _split_on_plus(text) if part.strip())
    if not prompts:
        raise RequestError("The prompt is empty; say what to paint, for example \"a red star on a "
                           "blue background\".")
    if len(prompts) > MAX_PROMPTS:
        raise RequestError("There are {count} prompts; at most {most} can be joined with \" + \".",
                           count=len(prompts), most=MAX_PROMPTS)
    if all(prompt.weight == 0 for prompt in prompts):
        raise RequestError("Every prompt has weight 0; give at least one of them another weight.")
    return tuple(prompt for prompt in prompts if prompt.weight != 0)


def _split_on_plus(text: str) -> list[str]:
    """Split on pluses that stand between spaces (or at an end), outside double quotes."""
    parts, start, quoted = [], 0, False
    for i, character in enumerate(text):
        if character in '"“”':
            quoted = not quoted and any(mark in text[i + 1:] for mark in '"“”')
        elif character == "+" and not quoted:
            before, after = text[i - 1:i], text[i + 1:i + 2]
            if (not before or before.isspace()) and (not after or after.isspace()):
                parts.append(text[start:i])
                start = i + 1
    return [*parts, text[start:]]


def _parse_part(part: str) -> Prompt:
    words = part.strip()
    found = _WEIGHTED.match(words)
    if found is None:
        return Prompt(words)
    weight = float(found["weight"])
    if abs(weight) > MAX_WEIGHT:
        raise RequestError("Weights must be between -100 and 100, not {weight}.",
                           weight=found["weight"][:20])
    stop = -math.inf if found["stop"] is None else float(found["stop"])
    if found["stop"] is not None and abs(stop) > MAX_STOP:
        raise RequestError("Stops must be between -5 and 5, not {stop}.", stop=found["stop"][:20])
    stripped = found["words"].strip()
    if not stripped:
        raise RequestError("The weight \"{words}\" has no words before it; write the words first, "
                           "as in \"a castle:0.5\".", words=words[:20])
    return Prompt(stripped, weight, stop)


def split_flags(text: str) -> tuple[str, dict[str, str]]:
    """``text`` without its ``--name value`` flags, and the flags.

    A flag without a value has the value "". Names are lower case. Raises RequestError where
    a flag stands twice. Which names there are is not known here.
    """
    flags: dict[str, str] = {}

    def take(found: re.Match[str]) -> str:
        name = found["name"].lower()
        if name in flags:
            raise RequestError("--{name} is given twice; remove one.", name=name[:40])
        flags[name] = (found["value"] or "").strip('"“”')
        return " "

    rest = _FLAG.sub(take, text)
    return (re.sub(r"\s+", " ", rest).strip() if flags else text.strip()), flags
