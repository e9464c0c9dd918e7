"""Steering: what changes while a picture is painted, and at which iteration.

As people type it, ``ITERATION: words`` are other words from then on, and ``ITERATION: name: value``
is something else::

    24: a blue circle + a star:0.5      other words, or other weights
    24: freeze: @left                   a region stays as it is (engine.request.regions)
    24: freeze: the red hat             what the words name, found by the perceptor, stays
    30: unfreeze: @left                 it can change again; "all" is everything
    40: longer: 50                      50 iterations more
    40: rate: 1.5                       the learning rate times 1.5

``paint:`` before words makes them words even if they look like another name, as in
``24: paint: freeze: frame``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from engine.errors import RequestError
from engine.request.limits import Range, max_length, range_of
from engine.request.prompt.choices import expand
from engine.request.prompt.flags import avoided, split_flags
from engine.request.prompt.peers import canonical
from engine.request.prompt.second import split_at_carets, weights_last
from engine.request.regions import region_named
from engine.translatable import Translatable

MOST_STEERS = 32
BOLDER = 1.5
"""What one press of a button multiplies the learning rate by, or divides it by."""
RATES = Range(0.1, 10)
"""Of the learning rate's factors, one by one and all together."""
ALL = "all"
"""In place of a region: everything that is frozen."""

LATEST = 3 * int(range_of("iterations").high)
"""The last iteration at which something can change: of a picture that is continued, and longer."""

_KINDS = ("paint", "freeze", "unfreeze", "longer", "rate")
_TYPED = re.compile(r"\s*(?P<at>\d{1,9})\s*:(?P<what>.*)", re.DOTALL)
_NAMED = re.compile(rf"(?P<kind>{'|'.join(_KINDS)})\s*:(?P<value>.*)", re.DOTALL | re.IGNORECASE)


class Steer(BaseModel):
    """One change of a painting, before its iteration ``at``, counted from 0.

    One of the others is set. ``paint`` has the prompts from then on, in the grammar of stored
    prompts with regions (engine.request.prompt.second). ``freeze`` and ``unfreeze`` are "@" and a
    region's or a mask's name, or a phrase whose place the perceptor finds; ``unfreeze`` can be
    "all". ``longer`` is a number of iterations, ``rate`` a factor of the learning rate.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: int
    paint: str | None = None
    freeze: str | None = None
    unfreeze: str | None = None
    longer: int | None = None
    rate: float | None = None

    @field_validator("at")
    @classmethod
    def _is_iteration(cls, at: int) -> int:
        bounds = Range(0, LATEST)
        if not bounds.low <= at <= bounds.high:
            raise ValueError(bounds.complaint("the iteration of steering", str(at)[:20]))
        return at

    @field_validator("longer")
    @classmethod
    def _is_number(cls, longer: int | None) -> int | None:
        bounds = range_of("more")
        if longer is not None and not bounds.low <= longer <= bounds.high:
            raise ValueError(bounds.complaint("longer", str(longer)[:20]))
        return longer

    @field_validator("rate")
    @classmethod
    def _is_factor(cls, rate: float | None) -> float | None:
        if rate is not None and not RATES.low <= rate <= RATES.high:
            raise ValueError(RATES.complaint("rate", f"{rate:g}"))
        return rate

    @field_validator("paint", "freeze", "unfreeze")
    @classmethod
    def _is_short(cls, text: str | None) -> str | None:
        most = max_length("prompt")
        if text is None or (len(text) <= most and "\x00" not in text and text.strip()):
            return text
        raise ValueError(
            Translatable("Steering needs words, at most {most} characters, without NUL.", most=most)
        )

    @model_validator(mode="after")
    def _is_one_change(self) -> Steer:
        if sum(getattr(self, kind) is not None for kind in _KINDS) != 1:
            raise ValueError(
                Translatable(
                    "Each step of steering changes one thing: {kinds}.", kinds=", ".join(_KINDS)
                )
            )
        return self

    @property
    def place(self) -> str | None:
        """What it freezes or unfreezes; None for another change."""
        return self.freeze or self.unfreeze

    @property
    def change(self) -> str:
        """What it changes, as a person types it, without the iteration."""
        if self.paint is not None:
            return self.paint if _NAMED.match(self.paint) is None else f"paint: {self.paint}"
        kind = next(kind for kind in _KINDS if getattr(self, kind) is not None)
        return f"{kind}: {getattr(self, kind)}"

    def __str__(self) -> str:
        return f"{self.at}: {self.change}"


class SteeringFields(BaseModel):
    """What is off for a picture that nobody steers."""

    steering: Annotated[
        tuple[Steer, ...] | None,
        Field(
            description="what changes at an iteration, as in 24: a blue circle, 24: freeze: @left, "
            "24: unfreeze: all, 40: longer: 50 or 40: rate: 1.5"
        ),
    ] = None

    @field_validator("steering")
    @classmethod
    def _in_order(cls, steers: tuple[Steer, ...] | None) -> tuple[Steer, ...] | None:
        if steers is None:
            return None
        if len(steers) > MOST_STEERS:
            raise ValueError(
                Translatable(
                    "A picture can be steered at most {most} times, not {count}.",
                    most=MOST_STEERS,
                    count=len(steers),
                )
            )
        rate = 1.0
        for each in steers:
            rate *= 1.0 if each.rate is None else each.rate
            if not 0.999 * RATES.low <= rate <= 1.001 * RATES.high:
                raise ValueError(
                    Translatable(
                        "All steps of steering together can change the learning rate by {low:g} to "
                        "{high:g} times, not {rate:.3g}.",
                        low=RATES.low,
                        high=RATES.high,
                        rate=rate,
                    )
                )
        return tuple(sorted(steers, key=lambda each: each.at)) or None

    @property
    def longer(self) -> int:
        """The iterations that steering adds."""
        return sum(each.longer or 0 for each in self.steering or ())

    @property
    def rate_factor(self) -> float:
        """What steering multiplies the learning rate by, at most."""
        factor = largest = 1.0
        for each in self.steering or ():
            factor *= 1.0 if each.rate is None else each.rate
            largest = max(largest, factor)
        return largest

    def frozen_phrases(self) -> list[str]:
        """What steering looks for in the picture, to freeze it or not any more."""
        places = [each.place for each in self.steering or () if each.place is not None]
        return [place for place in places if place != ALL and not place.startswith("@")]

    def steering_until(self, iteration: int) -> tuple[Steer, ...] | None:
        """What it did before ``iteration``, for a request that has so many iterations."""
        kept = (each for each in self.steering or () if each.at < iteration and not each.longer)
        return tuple(kept) or None

    @property
    def last_words(self) -> str | None:
        """The prompt that steering ends with; None if it changes no words."""
        words = [each.paint for each in self.steering or () if each.paint is not None]
        return words[-1] if words else None


def parse_steer(text: str, masks: Collection[str] = ()) -> Steer:
    """The change that a person typed, as in "24: a blue circle"; raises RequestError.

    ``masks`` are the names of the request's masks.
    """
    found = _TYPED.fullmatch(text)
    if found is None:
        raise RequestError(
            '"{given}" has no iteration; write steering as in "24: a blue circle".',
            given=text.strip()[:40],
        )
    return Steer(at=int(found["at"]), **parse_change(found["what"], masks))


def parse_change(text: str, masks: Collection[str] = ()) -> dict[str, Any]:
    """What ``text``, without an iteration, changes: one field of Steer and its value."""
    text = " ".join(text.split())
    named = _NAMED.fullmatch(text)
    kind, value = ("paint", text) if named is None else (named["kind"].lower(), named["value"])
    value = value.strip()
    if not value:
        raise RequestError(
            'Nothing follows "{kind}:"; write steering as in "24: a blue circle" or "24: freeze: '
            '@left".',
            kind=kind,
        )
    if kind == "paint":
        return {kind: _words(value, masks)}
    if kind in ("freeze", "unfreeze"):
        return {kind: _place(value, masks)}
    try:
        return {kind: int(value) if kind == "longer" else float(value.replace(",", "."))}
    except ValueError:
        what = Translatable("a whole number" if kind == "longer" else "a number")
        raise RequestError(
            '{name} must be {kind}, not "{given}".', name=kind, kind=what, given=value[:40]
        ) from None


def _words(text: str, masks: Collection[str]) -> str:
    """A prompt in the stored grammar."""
    words, flags = split_flags(text)
    avoid = flags.pop("no", None)
    if flags:
        raise RequestError(
            "Steering changes only the words; remove --{name}.", name=next(iter(flags))
        )
    if len(expand(words)) > 1:
        raise RequestError("Steering has no choices in brackets; choose one of them.")
    if avoid is not None:
        words = " + ".join([words, *(str(each) for each in avoided(avoid))])
    written = canonical(weights_last(words, masks))
    if len(split_at_carets(written)) > 1:
        raise RequestError(
            'Steering has no story; write one step for each part, as in "24: a blue circle".'
        )
    return written


def _place(text: str, masks: Collection[str]) -> str:
    """A region or a phrase in the form that is stored."""
    if not text.startswith("@"):
        return ALL if text.lower() == ALL else text
    name = text[1:].strip().lower()
    region = name if name in masks else region_named(name)
    if region is None:
        raise RequestError(
            'There is no region "@{name}"; use one such as @left, @top-right or @0-50%,0-100%, or '
            "words without the @.",
            name=name[:40],
        )
    return f"@{region}"


def missing_from(steers: Iterable[Steer], others: Iterable[Steer]) -> list[Steer]:
    """Those of ``steers`` that ``others`` have less often, in order."""
    left, missing = Counter(others), []
    for each in steers:
        if left[each]:
            left[each] -= 1
        else:
            missing.append(each)
    return missing


def changes_before(steers: Iterable[Steer] | None, iteration: int) -> list[Steer]:
    """Those that took effect before ``iteration``."""
    return [each for each in steers or () if each.at < iteration]


def typed_steering(steers: Any, masks: Collection[str]) -> Any:
    """The field ``steering`` with the texts in it read; other values stay. Raises RequestError."""
    if isinstance(steers, str):
        steers = [line for line in steers.split("\n") if line.strip()]
    if not isinstance(steers, list | tuple):
        return steers
    return tuple(parse_steer(each, masks) if isinstance(each, str) else each for each in steers)


def check_steering(
    steers: Iterable[Steer], masks: Collection[str], *, grows: bool, moves: bool
) -> None:
    """Raise RequestError if something does not go with ``steers``.

    ``masks`` are the names of the request's masks; ``grows`` says whether the picture grows in
    stages, ``moves`` whether the camera moves.
    """
    for each in steers:
        if each.place is None:
            continue
        if grows or moves:
            raise RequestError(
                "freeze doesn't work with grow, zoom, rotate, pan or tilt; leave one of them out."
            )
        name = each.place.removeprefix("@")
        if name != each.place and name not in masks and region_named(name) is None:
            raise RequestError(
                'The mask of the region "@{name}" is missing; attach it, or use another region.',
                name=name[:40],
            )
