"""What a person reads when a request's field has a wrong value."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pydantic import ValidationError

from engine.errors import RequestError
from engine.request.limits import max_length, range_of
from engine.translatable import Translatable

T = TypeVar("T")
Result = TypeVar("Result")


def checked(function: Callable[[T], Result], argument: T) -> Result:
    """Call ``function``, turning its RequestError into the ValueError that pydantic expects."""
    try:
        return function(argument)
    except RequestError as error:
        raise ValueError(error.message) from None


def message_of(error: ValidationError) -> Translatable:
    """The first error of a ValidationError as a sentence that says what to change."""
    first = error.errors()[0]
    field = str(first["loc"][0]) if first["loc"] else "request"
    given, kind = first.get("input"), first["type"]
    if kind == "value_error":
        return Translatable(first["ctx"]["error"].args[0])
    name, shown = field.replace("_", " "), repr(str(given)[:40])
    if kind in ("greater_than_equal", "less_than_equal", "greater_than"):
        return range_of(field).complaint(field, str(given)[:40])
    if kind == "string_too_long":
        return Translatable(
            "{name} has {length} characters; the maximum is {most}.",
            name=name,
            length=len(str(given)),
            most=max_length(field),
        )
    if kind == "extra_forbidden":
        return Translatable(
            'There is no option "{name}"; remove it.', name=str(first["loc"][-1])[:40]
        )
    if kind == "missing":
        return Translatable("{name} is missing.", name=name)
    if kind.startswith("int"):
        return Translatable("{name} must be a whole number, not {given}.", name=name, given=shown)
    if kind.startswith(("float", "finite")):
        return Translatable("{name} must be a number, not {given}.", name=name, given=shown)
    return Translatable(
        "{name} can't be {given}: {reason}.",
        name=name,
        given=shown,
        reason=f"{first['msg'][0].lower()}{first['msg'][1:]}",
    )
