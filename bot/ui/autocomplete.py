"""Autocompletion within Discord's limits."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import discord
from discord import app_commands

from bot.host.models import model_names
from bot.language.formatting import one_line

MAX_CHOICES, CHOICE_LENGTH = 25, 100  # Discord's limits


def choices(values: Iterable[str], typed: str) -> list[app_commands.Choice[str]]:
    """Return the values that contain the typed text and fit Discord's limits."""
    wanted = typed.casefold().strip()
    fitting = [
        value
        for value in dict.fromkeys(values)
        if wanted in value.casefold() and 0 < len(value) <= CHOICE_LENGTH
    ]
    return [
        app_commands.Choice(name=one_line(value)[:CHOICE_LENGTH] or value, value=value)
        for value in fitting[:MAX_CHOICES]
    ]


async def offer_models(
    interaction: discord.Interaction[Any], typed: str
) -> list[app_commands.Choice[str]]:
    """Return the models whose name contains the typed text."""
    return choices(await model_names(), typed)
