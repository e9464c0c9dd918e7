"""Reads a catalogue entry's ``settings``; errors name the wrong one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.errors import ModelError


def check_names(settings: Mapping[str, Any], known: Iterable[str]) -> None:
    """Raise ModelError for a setting that the kind does not have."""
    names = list(known)
    for name in settings:
        if name not in names:
            raise ModelError(
                "There is no setting `{name}` for this kind of model; its settings are {names}.",
                name=name,
                names=", ".join(names) or "none",
            )


def number(
    settings: Mapping[str, Any], name: str, default: float, low: float, high: float
) -> float:
    """The setting as a number from ``low`` to ``high``; raises ModelError for any other value."""
    value = settings.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ModelError(
            "The setting `{name}` must be a number between {low} and {high}, not {value}.",
            name=name,
            low=low,
            high=high,
            value=repr(value),
        )
    return float(value)


def whole_number(settings: Mapping[str, Any], name: str, default: int, low: int, high: int) -> int:
    """The setting as a whole number from ``low`` to ``high``; raises ModelError for any other."""
    value = settings.get(name, default)
    if type(value) is not int or not low <= value <= high:
        raise ModelError(
            "The setting `{name}` must be a whole number between {low} and {high}, not {value}.",
            name=name,
            low=low,
            high=high,
            value=repr(value),
        )
    return value
