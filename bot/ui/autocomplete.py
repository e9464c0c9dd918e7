"""Autocompletion within Discord's limits."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from typing import Any, Protocol

import discord
from discord import app_commands

from bot.errors import SlowError
from bot.host.models import model_names
from bot.language.formatting import one_line
from bot.requests.channels import guild_id_of
from bot.requests.styles import OwnStyles
from bot.ui.answers import in_time

MAX_CHOICES, CHOICE_LENGTH = 25, 100  # Discord's limits


class StylesBot(Protocol):
    """What completing the names of styles uses of the client."""

    styles: OwnStyles


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


async def choices_in_time(
    reading: Awaitable[Iterable[str]], typed: str
) -> list[app_commands.Choice[str]]:
    """Return :func:`choices` of what ``reading`` returns; none if that takes over a second."""
    try:
        return choices(await in_time(reading), typed)
    except SlowError:
        return []


async def offer_models(
    interaction: discord.Interaction[Any], typed: str
) -> list[app_commands.Choice[str]]:
    """Return the models whose name contains the typed text."""
    return choices(await model_names(), typed)


async def offer_styles(
    interaction: discord.Interaction[Any], typed: str
) -> list[app_commands.Choice[str]]:
    """Return the styles that the user can choose here and whose name contains the typed text."""
    bot: StylesBot = interaction.client
    names = bot.styles.names(str(interaction.user.id), guild_id_of(interaction))
    return await choices_in_time(names, typed)
