"""The owner's message command: `@bot sync`.

A mention reaches the bot without the privileged message-content intent.
"""

from __future__ import annotations

import contextlib
from typing import Any

import discord
from discord.ext import commands

from bot.client import ImageBot
from bot.errors import Caught
from bot.language import _, plural, using_language
from bot.requests.origin import place_of_message
from bot.ui.command_tree import sync


class Owner(commands.Cog):
    """Commands for the bot's owner."""

    def __init__(self, bot: ImageBot) -> None:
        self.bot = bot

    @commands.command()
    @commands.is_owner()
    async def sync(self, context: commands.Context[ImageBot]) -> None:
        """Sync the slash commands, whether they changed or not."""
        locale = place_of_message(context.message).locale
        with using_language(locale), Caught("@bot sync") as caught:
            number = await sync(self.bot.tree, self.bot.store)
            await context.send(
                plural("Synced {number} command.", "Synced {number} commands.", number)
            )
        if caught.text is not None:
            await context.send(caught.text)

    @commands.Cog.listener()
    async def on_command_error(
        self, context: commands.Context[Any], error: commands.CommandError
    ) -> None:
        """Answer a mention that is no command, or not the owner's, with a hint."""
        if isinstance(error, (commands.CommandNotFound, commands.CheckFailure)):
            with (
                using_language(place_of_message(context.message).locale),
                contextlib.suppress(discord.HTTPException),
            ):  # the bot may not write there
                await context.send(
                    _(
                        "Use /imagine to paint a picture, /history to see your "
                        "pictures, and /queue to see what is running."
                    )
                )


async def setup(bot: ImageBot) -> None:
    """Add the cog; discord.py calls this when it loads the extension."""
    await bot.add_cog(Owner(bot))
