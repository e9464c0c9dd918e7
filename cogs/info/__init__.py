"""The message menu "Info": how a picture was made.

Also of a picture that was painted elsewhere, by another bot or by the imagine command: its file
says it. What a file says is from outside, and goes through the gate like what a person types.
"""

from __future__ import annotations

import asyncio
from typing import Any

import discord
from discord import app_commands

from bot.client import ImageBot
from bot.errors import GoneError, Guarded
from bot.language import _
from bot.media.file_facts import FoundFile, found_file
from bot.media.resize import size_of
from bot.media.source_picture import job_of, picture_address
from bot.requests.custom_ids import shows_grid
from bot.requests.rights import check_may_see, may_see
from bot.ui.buttons import AgainButton, RemixButton
from bot.ui.card import Card, show
from bot.ui.feature import Feature
from bot.ui.file_buttons import FILE_BUTTONS, FileAgainButton, FileRemixButton
from bot.ui.lineage import LineageButton
from cogs.info._facts import file_card, info_of

MENU = "Info"


class Info(Feature):
    """The menu; it answers the user alone."""

    bot: ImageBot

    buttons = FILE_BUTTONS

    def __init__(self, bot: ImageBot) -> None:
        super().__init__(bot)
        self.menu = app_commands.ContextMenu(name=MENU, callback=self.info)

    async def info(self, interaction: discord.Interaction[Any], message: discord.Message) -> None:
        """Tell how the message's picture was made."""
        async with Guarded(interaction, MENU):
            await interaction.response.defer(ephemeral=True, thinking=True)
            job = await job_of(self.bot, message)
            if job is None:
                await self._about_file(interaction, message)
                return
            check_may_see(interaction, job)
            several = shows_grid(message.components)
            jobs = await self.bot.store.with_grid(job) if several else [job]
            card = await info_of(self.bot, interaction, jobs)
            card.buttons(LineageButton(job.id))
            await show(interaction, card)

    async def _about_file(
        self, interaction: discord.Interaction[Any], message: discord.Message
    ) -> None:
        address = picture_address(message)
        if address is None:
            raise GoneError(_("That message has no picture. Choose one that has."))
        found = await found_file(self.bot, address)
        if found is None:
            raise GoneError(
                _(
                    "That picture doesn't say how it was painted. Only PNG files do that I, or the "
                    "imagine command, have made; Discord's previews and copies by other programs "
                    "leave it out."
                )
            )
        if found.job is not None and may_see(interaction, found.job):
            card = await info_of(self.bot, interaction, [found.job])
            id = found.job.id
            card.buttons(AgainButton(id), RemixButton(id), LineageButton(id))
        else:
            size = await asyncio.to_thread(size_of, found.picture.data)
            card = file_card(found.made, size)
            await self._offer(found, card)
        await show(interaction, card)

    async def _offer(self, found: FoundFile, card: Card) -> None:
        """Add the buttons, if the file has all that they need."""
        if found.made.request.pictures_needed():
            card.fact(
                _("Notes"),
                _(
                    "It was painted from a picture that isn't in its file. To go on from it, use "
                    "Edit this image, or /edit."
                ),
            )
            return
        id = await self.bot.store.messages.keep(
            found.made.request.model_dump_json(exclude_none=True)
        )
        card.buttons(FileAgainButton(id), FileRemixButton(id))


async def setup(bot: ImageBot) -> None:
    """Add the cog; discord.py calls this when it loads the extension."""
    await bot.add_cog(Info(bot))
