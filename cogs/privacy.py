"""/privacy: export or delete the data about a user."""

from __future__ import annotations

import asyncio
import io
import math
from typing import Any

import discord
from discord import app_commands

from bot.client import ImageBot
from bot.delivery.posting import upload_limit
from bot.errors import GoneError, Guarded
from bot.host.settings import OperationsSettings
from bot.language import _, plural
from bot.requests.forget_person import Forgetting
from bot.ui.feature import Feature
from bot.ui.from_custom_id import FromCustomId
from data.privacy.archives import archives


def backup_days(settings: OperationsSettings) -> int:
    """Return the days until a backup is replaced; 0 if the bot makes none."""
    return math.ceil(settings.backup_hours * settings.backups_kept / 24)


class ForgetButton(
    FromCustomId,
    discord.ui.DynamicItem[discord.ui.Button[Any]],
    template=r"imagine:forget:(?P<answer>yes|no)",
):
    """Confirms or declines. It checks no owner: everyone deletes only their own data."""

    def __init__(self, answer: str) -> None:
        yes = answer == "yes"
        super().__init__(
            discord.ui.Button(
                label=_("Delete everything") if yes else _("Keep my data"),
                style=discord.ButtonStyle.danger if yes else discord.ButtonStyle.secondary,
                custom_id=f"imagine:forget:{answer}",
            )
        )
        self.answer = answer

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Delete the data, or keep it."""
        async with Guarded(interaction, "/privacy forget"):
            if self.answer == "no":
                await interaction.response.edit_message(
                    content=_("Nothing was deleted."), view=None
                )
                return
            cog = interaction.client.get_cog("Privacy")
            if not isinstance(cog, Privacy):  # the cog was unloaded meanwhile
                raise GoneError(_("I can't do that right now. Use /privacy forget again later."))
            cog.bot.busy.check(str(interaction.user.id))
            cog.bot.busy.check_pause(str(interaction.user.id), "forget")
            await interaction.response.edit_message(
                content=_("Deleting everything. This can take a few minutes."), view=None
            )
            left = await cog.forgetting.forget(str(interaction.user.id))
            lines = [
                _(
                    "I've deleted your data: your pictures, attachments, history, preferences, "
                    "and your name in every log."
                )
            ]
            days = backup_days(interaction.client.settings.operations)
            if days:
                lines.append(
                    plural(
                        "Backups that still have it expire within {number} day.",
                        "Backups that still have it expire within {number} days.",
                        days,
                    )
                )
            if left:
                lines.append(
                    plural(
                        "I couldn't delete the message of {number} picture; a moderator there can.",
                        "I couldn't delete the messages of {number} pictures; a moderator there "
                        "can.",
                        left,
                    )
                )
            await interaction.edit_original_response(content="\n".join(lines))


class Privacy(Feature):
    """The commands."""

    bot: ImageBot

    privacy = app_commands.Group(name="privacy", description="See or delete your data")

    buttons = (ForgetButton,)

    def __init__(self, bot: ImageBot) -> None:
        super().__init__(bot)
        self.forgetting = Forgetting(bot.store, bot.queue, bot.removal, bot.busy, bot.intake.asked)

    @privacy.command(name="export", description="Get all your data as a zip file in a DM")
    async def export_(self, interaction: discord.Interaction[Any]) -> None:
        """Send as many files as the upload limit requires."""
        async with Guarded(interaction, "/privacy export"):
            await interaction.response.defer(ephemeral=True, thinking=True)
            person = str(interaction.user.id)
            self.bot.busy.check_pause(person, "export")
            with self.bot.busy.turn(person):
                exported = await self.bot.store.privacy.export(person)
                if not exported.rows:
                    await interaction.edit_original_response(content=_("I have no data about you."))
                    return
                direct = await interaction.user.create_dm()
                parts, number = archives(exported, upload_limit(self.bot, None)), 0
                while (part := await asyncio.to_thread(next, parts, None)) is not None:
                    number += 1
                    await direct.send(
                        _("Your data, part {number}.", number=number),
                        file=discord.File(io.BytesIO(part), f"imagine-bot-{number}.zip"),
                    )
            self.bot.busy.ended(person, "export")
            text = plural(
                "I sent you your data in a DM, in {number} file.",
                "I sent you your data in a DM, in {number} files.",
                number,
            )
            await interaction.edit_original_response(content=text)

    @privacy.command(name="forget", description="Delete all your data; asks you to confirm first")
    async def forget_(self, interaction: discord.Interaction[Any]) -> None:
        """Ask for confirmation; the button deletes the data."""
        async with Guarded(interaction, "/privacy forget"):
            view = discord.ui.View(timeout=None)
            view.add_item(ForgetButton("yes"))
            view.add_item(ForgetButton("no"))
            await interaction.response.send_message(
                _(
                    "This deletes all your data in every server: your pictures and their messages, "
                    "your attachments, your history and your preferences. It also cancels your "
                    "pictures in the queue. This can't be undone. Use /privacy export first if you "
                    "want a copy."
                ),
                view=view,
                ephemeral=True,
            )


async def setup(bot: ImageBot) -> None:
    """Add the cog; discord.py calls this when it loads the extension."""
    await bot.add_cog(Privacy(bot))
