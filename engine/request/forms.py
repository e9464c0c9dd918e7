"""The values of a request in one form, however they were given, before they are validated."""

from __future__ import annotations

from typing import Any

from engine.request.arrow import parse_arrow
from engine.request.limits import max_length
from engine.request.prompt.second import is_second, weights_last
from engine.request.pulls import names_of
from engine.request.refusals import checked
from engine.request.shape import reshaped, sized
from engine.request.steering import typed_steering


def in_one_form(values: dict[str, Any], *, stored: bool) -> dict[str, Any]:
    """Replace a size next to an aspect, and an empty prompt by the target of ``where``.

    Read steering that was typed, and note the grammar of a prompt that is not ``stored``. Raises
    ValueError with a sentence.
    """
    # In requests of older versions the aspect had no effect.
    values = _with_prompt(sized(values) if stored else reshaped(values))
    masks = names_of(values.get("regions"))
    if values.get("steering") is not None:
        steers = checked(lambda typed: typed_steering(typed, masks), values["steering"])
        values = {**values, "steering": steers}
    prompt = values.get("prompt")
    if stored or not isinstance(prompt, str):
        return values
    # Stored prompts of earlier versions are in the first grammar.
    values = {name: value for name, value in values.items() if name != "grammar"}
    values["prompt"] = prompt = weights_last(prompt, masks)
    is_new = checked(lambda text: is_second(text, masks), prompt)
    return {**values, "grammar": 2} if is_new else values


def _with_prompt(values: dict[str, Any]) -> dict[str, Any]:
    where = values.get("where")
    empty = values.get("prompt") == ""
    if not empty or not isinstance(where, str) or len(where) > max_length("where"):
        return values
    arrow = checked(parse_arrow, where)
    return values if arrow is None else {**values, "prompt": arrow.target}
