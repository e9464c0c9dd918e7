"""/surprise: a prompt that the model can paint, shown before it is painted."""

from __future__ import annotations

import asyncio
from typing import Any

import discord
from discord import app_commands

from bot.client import ImageBot
from bot.errors import Guarded
from bot.host.models import phrases_of
from bot.language import _
from bot.language.formatting import escape
from bot.requests.channels import guild_id_of
from bot.requests.preferences import usual_model
from bot.requests.server_rules import allows_words
from bot.requests.surprise import surprise
from bot.ui.card import Card, show
from bot.ui.feature import Feature
from bot.ui.from_custom_id import FromCustomId
from bot.ui.prompt_buttons import LONGEST_PROMPT, PaintButton


class AnotherButton(
    FromCustomId,
    discord.ui.DynamicItem[discord.ui.Button[Any]],
    template=r"imagine:another",
):
    """Shows another prompt in the same message."""

    def __init__(self) -> None:
        super().__init__(
            discord.ui.Button(
                label=_("Another"),
                style=discord.ButtonStyle.secondary,
                custom_id="imagine:another",
            )
        )

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Draw again; errors are answered."""
        async with Guarded(interaction, "the button another"):
            await interaction.response.defer()
            await _show(interaction)


class Surprise(Feature):
    """The command."""

    bot: ImageBot
    buttons = (AnotherButton,)

    @app_commands.command(description="Get an idea for a picture")
    async def surprise(self, interaction: discord.Interaction[Any]) -> None:
        """Show a prompt to the user alone."""
        async with Guarded(interaction, "/surprise"):
            await interaction.response.defer(ephemeral=True, thinking=True)
            await _show(interaction)


async def _show(interaction: discord.Interaction[Any]) -> None:
    """Show a prompt in the answer, with buttons that paint it and that draw again."""
    bot: ImageBot = interaction.client
    rules = await bot.guild_settings.rules(guild_id_of(interaction))
    model = await usual_model(bot.people, str(interaction.user.id), rules)
    phrases = await phrases_of(model)

    def is_allowed(prompt: str) -> bool:
        return len(prompt) <= LONGEST_PROMPT and allows_words(prompt, rules)

    prompt = await asyncio.to_thread(surprise, phrases, is_allowed)
    card = Card()
    card.text(_("How about this?\n> {prompt}", prompt=escape(prompt)))
    card.buttons(PaintButton(prompt, _("Paint it")), AnotherButton())
    await show(interaction, card)


async def setup(bot: ImageBot) -> None:
    """Add the cog; discord.py calls this when it loads the extension."""
    await bot.add_cog(Surprise(bot))
