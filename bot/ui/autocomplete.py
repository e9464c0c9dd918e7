"""What autocompletion offers, within Discord's limits."""

from __future__ import annotations

from collections.abc import Iterable

from discord import app_commands

MAX_CHOICES, CHOICE_LENGTH = 25, 100  # Discord's


def choices(values: Iterable[str], typed: str) -> list[app_commands.Choice[str]]:
    """What contains the typed text; a choice that Discord would cut is none."""
    wanted = typed.casefold().strip()
    fitting = [value for value in dict.fromkeys(values)
               if wanted in value.casefold() and 0 < len(value) <= CHOICE_LENGTH]
    return [app_commands.Choice(name=value, value=value) for value in fitting[:MAX_CHOICES]]
