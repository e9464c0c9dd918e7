"""/describe, and the message menu "Describe this image": prompts for a picture."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import discord
from discord import app_commands

from bot.client import ImageBot
from bot.errors import Guarded
from bot.language import _
from bot.language.formatting import escape
from bot.language.translator import described
from bot.media.source_picture import job_of, picture_of
from bot.permissions import check_bot_may_post
from bot.requests.origin import origin_of_interaction
from bot.requests.picture import Picture
from bot.ui.autocomplete import offer_models
from bot.ui.card import Card, show
from bot.ui.feature import Feature
from bot.ui.options import Model
from bot.ui.prompt_buttons import LONGEST_PROMPT, PaintButton, prompt_buttons
from engine.pictures.formats import FORMAT_NAMES

MENU = "Describe this image"


class Describe(Feature):
    """The command and the menu; the user alone sees the answer, whose buttons paint."""

    bot: ImageBot
    buttons = (PaintButton,)

    def __init__(self, bot: ImageBot) -> None:
        super().__init__(bot)
        self.menu = app_commands.ContextMenu(name=MENU, callback=self.describe_this_image)

    @app_commands.command(description="Find words for a picture: four prompts to paint it")
    @app_commands.describe(
        image=described("The picture to describe ({formats})", formats=FORMAT_NAMES),
        model="The model that looks at it, and would paint it",
    )
    @app_commands.autocomplete(model=offer_models)
    async def describe(
        self,
        interaction: discord.Interaction[Any],
        image: discord.Attachment,
        model: Model | None = None,
    ) -> None:
        """Answer, then download the picture and have it described."""
        async with Guarded(interaction, "/describe"):
            check_bot_may_post(interaction)
            await interaction.response.defer(ephemeral=True, thinking=True)
            picture = self.bot.attachments.picture(image.url, image.filename)
            await self._answer(interaction, picture, model)

    async def describe_this_image(
        self, interaction: discord.Interaction[Any], message: discord.Message
    ) -> None:
        """The same for the picture of a message."""
        async with Guarded(interaction, MENU):
            check_bot_may_post(interaction)
            await interaction.response.defer(ephemeral=True, thinking=True)
            picture = picture_of(self.bot, message, await job_of(self.bot, message))
            await self._answer(interaction, picture, None)

    async def _answer(
        self,
        interaction: discord.Interaction[Any],
        picture: Awaitable[Picture],
        model: str | None,
    ) -> None:
        origin = origin_of_interaction(interaction, "/describe")
        found = await self.bot.describer.describe(origin, await picture, model)
        prompts = [prompt for prompt in found.prompts if len(prompt) <= LONGEST_PROMPT]
        lines = [f"**{number}** {escape(prompt)}" for number, prompt in enumerate(prompts, 1)]
        words = _("Nearest words: {words}", words=", ".join(map(escape, found.words)))
        card = Card(_("Description"))
        card.text(_("Press a number to paint it."))
        card.entries(lines)
        card.small(words)
        card.buttons(*prompt_buttons(prompts))
        await show(interaction, card)


async def setup(bot: ImageBot) -> None:
    """Add the cog; discord.py calls this when it loads the extension."""
    await bot.add_cog(Describe(bot))
