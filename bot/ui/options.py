"""Options that several slash commands share: their kinds, their values, and the host's limits."""

from __future__ import annotations

import copy
from typing import Any

from discord import app_commands

from bot.requests.styles import NAME_LENGTH
from engine.request.flag_values import read_flag
from engine.request.limits import max_length, whole_range
from engine.request.recipe import PRESETS

_LEAST_SEED, _LAST_SEED = whole_range("seed")
_ONE, _MOST_AT_ONCE = whole_range("count")
_FEWEST, _MOST = whole_range("iterations")
_PROMPT_LENGTH = max_length("prompt")
Prompt = app_commands.Range[str, 1, _PROMPT_LENGTH]
Seed = app_commands.Range[int, _LEAST_SEED, _LAST_SEED]
Count = app_commands.Range[int, _ONE, _MOST_AT_ONCE]
Iterations = app_commands.Range[int, _FEWEST, _MOST]
Size = app_commands.Range[str, 1, 20]
Aspect = app_commands.Range[str, 3, 11]
Model = app_commands.Range[str, 1, 100]
Style = app_commands.Range[str, 1, NAME_LENGTH]
PRESET_CHOICES = [app_commands.Choice(name=name, value=name) for name in PRESETS]


def given_values(
    *, size: str | None = None, aspect: str | None = None, **values: Any
) -> dict[str, Any]:
    """Return the request's fields that options set; options left out get defaults later.

    ``size`` is text like "256x128", ``aspect`` like "16:9". Raises RequestError.
    """
    fields = {name: value for name, value in values.items() if value is not None}
    for flag, text in (("size", size), ("ar", aspect)):
        if text is not None:
            fields.update(read_flag(flag, text.strip()))
    return fields


def lower_maximum(command: app_commands.Command[Any, ..., Any], option: str, most: int) -> None:
    """Lower an option's maximum to the host's limit, so that Discord refuses more at once.

    discord.py reads ranges when a command is defined, before the host's settings are known, and
    all copies of a command share its options.
    """
    parameters = dict(command._params)
    parameters[option] = parameter = copy.copy(parameters[option])
    parameter.max_value = most if parameter.max_value is None else min(parameter.max_value, most)
    command._params = parameters
