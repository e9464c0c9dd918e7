"""What "--name value" means for a request's fields, in a prompt and on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.errors import RequestError
from engine.request.limits import range_of
from engine.request.prompt.flags import FOREIGN, NUMBERS, SAID, SAME, SWITCHES, WORDS
from engine.request.shape import with_shape
from engine.translatable import Translatable

_WHOLE = ("seed", "count", "iterations", "cutouts", "width", "height", "change-every", "every")
FLAGS = (
    "size",
    "ar",
    *(
        "seed",
        "count",
        "iterations",
        "cutouts",
        "learning-rate",
        "strength",
        "vary",
        "grow",
        "threshold",
        "keep",
        "away",
    ),
    *("change-every", "fade", "zoom", "rotate", "every"),
    *("smoothness", "saturation", "aesthetic", "ema"),
    *WORDS,
    *SWITCHES,
)
"""The flags that are named to people; ``--no`` is not a field, but more prompts."""


def read_flag(name: str, value: str) -> dict[str, Any]:
    """The request's fields that ``--name value`` sets; raises RequestError.

    The command line's options are read here too, so that both accept and refuse the same values.
    """
    if name in SWITCHES:
        said = SAID.get(value.lower(), True)
        return {name: said if name == "relax" else said or None}
    if name not in (*NUMBERS, *WORDS):
        raise unknown_option(name)
    if not value:
        raise RequestError("--{name} needs a value.", name=name)
    if name == "size":
        return parse_size(value)
    if name == "ar":
        return {"aspect": _parse_aspect(value)}
    if name in WORDS:
        return {"steering" if name == "steer" else name: value}
    try:
        number = int(value) if name in _WHOLE else _parse_number(value)
    except ValueError:
        kind = Translatable("a whole number") if name in _WHOLE else Translatable("a number")
        raise RequestError(
            '--{name} must be {kind}, not "{given}".', name=name, kind=kind, given=value[:40]
        ) from None
    return {name.replace("-", "_"): number}


def with_flags(fields: dict[str, Any], flags: Mapping[str, str]) -> dict[str, Any]:
    """``fields`` with those that ``flags`` set; raises RequestError."""
    for name, value in flags.items():
        fields = with_shape(fields, read_flag(name, value))
    return fields


def unknown_option(name: str) -> RequestError:
    """What to tell a person whose option there is not; ``name`` is without hyphens."""
    if name in SAME:
        return RequestError(
            "There is no option --{name}; use --{ours}.", name=name, ours=SAME[name]
        )
    if name not in FOREIGN:
        known = ", ".join(f"--{flag}" for flag in (*FLAGS, "no"))
        return RequestError(
            "There is no option --{name}; the options are {known}.", name=name[:40], known=known
        )
    instead = FOREIGN[name]
    if instead is None:
        return RequestError("--{name} is an option of other tools; remove it.", name=name)
    return RequestError(
        "--{name} is an option of other tools; remove it, or {instead}.",
        name=name,
        instead=instead,
    )


def _parse_number(text: str) -> float:
    """The number in "0.5", "0,5" or "50%"; raises ValueError."""
    plain = text.replace(",", ".")
    return float(plain[:-1]) / 100 if plain.endswith("%") else float(plain)


def _parse_aspect(text: str) -> float:
    across, down = _parse_pair(text.replace("x", ":"), ":", "--ar", "16:9")
    bounds = range_of("aspect")
    if not bounds.low <= across / down <= bounds.high:
        raise RequestError(
            '--ar must be between 1:{most} and {most}:1, not "{given}".',
            most=bounds.high,
            given=text[:40],
        )
    return across / down


def parse_size(text: str) -> dict[str, int]:
    """Width and height in pixels of "256x128" (or "256", a square); raises RequestError."""
    if text.isascii() and text.isdigit():
        text = f"{text}x{text}"
    width, height = _parse_pair(
        text.lower().replace("×", "x"), "x", Translatable("The size"), "256x128"
    )
    return {"width": width, "height": height}


def _parse_pair(text: str, separator: str, what: str, example: str) -> tuple[int, int]:
    first, _, second = text.partition(separator)
    if not (
        first.isascii()
        and first.isdigit()
        and second.isascii()
        and second.isdigit()
        and len(first) < 6
        and len(second) < 6
    ):
        raise RequestError(
            '{what} must look like {example}, not "{given}".',
            what=what,
            example=example,
            given=text[:40],
        )
    if int(first) == 0 or int(second) == 0:
        raise RequestError(
            "{what} can't be zero; use {example}, for example.", what=what, example=example
        )
    return int(first), int(second)
