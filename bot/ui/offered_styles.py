"""Completing the names of styles."""

from __future__ import annotations

from typing import Any, Protocol

import discord
from discord import app_commands

from bot.errors import SlowError
from bot.requests.channels import guild_id_of
from bot.requests.styles import OwnStyles
from bot.ui.answers import in_time
from bot.ui.autocomplete import choices


class StylesBot(Protocol):
    """What completing uses of the client."""

    styles: OwnStyles


async def offer_styles(
    bot: StylesBot, interaction: discord.Interaction[Any], typed: str
) -> list[app_commands.Choice[str]]:
    """Return the styles that the user can choose here and whose name contains the typed text."""
    names = bot.styles.names(str(interaction.user.id), guild_id_of(interaction))
    try:
        return choices(await in_time(names), typed)
    except SlowError:
        return []
