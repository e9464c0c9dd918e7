"""Noise prompts: random directions to paint towards, by their seeds: "14575", "7:0.5, 8:-1"."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from engine.errors import RequestError
from engine.request.limits import MAX_SEED
from engine.request.prompt.grammar import MAX_WEIGHT, NUMBER

MOST = 8
_ONE = re.compile(rf"(?P<seed>\d{{1,10}})(?::(?P<weight>{NUMBER}))?", re.ASCII)


@dataclass(frozen=True)
class NoisePrompt:
    """A random unit vector of ``seed``; ``weight`` means the same as that of words."""

    seed: int
    weight: float = 1.0


def parse_noise(text: str) -> tuple[NoisePrompt, ...]:
    """The noise prompts in ``text``, separated by commas; raises RequestError."""
    prompts = tuple(_parse(part.strip()) for part in text.split(","))
    if len(prompts) > MOST:
        raise RequestError(
            "There are {count} noise prompts; at most {most} can be used.",
            count=len(prompts),
            most=MOST,
        )
    return prompts


def _parse(part: str) -> NoisePrompt:
    found = _ONE.fullmatch(part)
    seed = math.inf if found is None else int(found["seed"])
    weight = 1.0 if found is None or found["weight"] is None else float(found["weight"])
    if seed > MAX_SEED or weight == 0 or abs(weight) > MAX_WEIGHT:
        raise RequestError(
            'The noise "{given}" can\'t be read; write a seed from 0 to {most}, and a weight from '
            "-100 to 100 but not 0 after a colon, as in 7:0.5.",
            given=part[:40],
            most=MAX_SEED,
        )
    return NoisePrompt(int(seed), weight)
