"""Messages of the bot that somebody deletes in Discord: its job ends, or its picture is removed.

Discord tells which messages were deleted without any privileged intent, but not who did it.
"""

from __future__ import annotations

import discord
from discord.ext import commands

from bot.client import ImageBot
from bot.errors import Caught


class DeletedMessages(commands.Cog):
    """Listens to deleted messages."""

    def __init__(self, bot: ImageBot) -> None:
        self.bot = bot

    @commands.Cog.listener()
    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        """One message was deleted, by a member or by the bot itself."""
        with Caught("a deleted message"):
            await self.bot.deletions.note(payload.channel_id, [payload.message_id])

    @commands.Cog.listener()
    async def on_raw_bulk_message_delete(self, payload: discord.RawBulkMessageDeleteEvent) -> None:
        """A moderator's bot deleted several messages."""
        with Caught("deleted messages"):
            await self.bot.deletions.note(payload.channel_id, payload.message_ids)


async def setup(bot: ImageBot) -> None:
    """Add the cog; discord.py calls this when it loads the extension."""
    await bot.add_cog(DeletedMessages(bot))
