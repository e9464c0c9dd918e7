"""Reading a catalogue entry's ``settings``: a wrong one is named, a missing one is usual."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.errors import ModelError


def check_names(settings: Mapping[str, Any], known: Iterable[str]) -> None:
    """Raise ModelError for a setting that the kind does not have."""
    names = list(known)
    for name in settings:
        if name not in names:
            raise ModelError("There is no setting `{name}` for this kind of model; it has {names}.",
                             name=name, names=", ".join(names) or "none")


def number(settings: Mapping[str, Any], name: str, default: float, least: float,
           most: float) -> float:
    """The setting as a number from ``least`` to ``most``; raises ModelError."""
    value = settings.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise ModelError("The setting `{name}` should be a number from {least} to {most}, not "
                         "{value}.", name=name, least=least, most=most, value=repr(value))
    return float(value)
