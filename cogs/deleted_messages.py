"""Messages of the bot that somebody deletes in Discord: its job ends, or its picture is removed.

Discord tells which messages were deleted without any privileged intent, but not who did it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

import discord
from discord.ext import commands

from bot.client import ImageBot
from bot.errors import Caught
from bot.host.logs import about_job

log = logging.getLogger(__name__)


class DeletedMessages(commands.Cog):
    """Listens to deleted messages; messages that are about no job are ignored."""

    def __init__(self, bot: ImageBot) -> None:
        self.bot = bot

    @commands.Cog.listener()
    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        """One message was deleted, by a member or by the bot itself."""
        await self._deleted(payload.channel_id, [payload.message_id])

    @commands.Cog.listener()
    async def on_raw_bulk_message_delete(self, payload: discord.RawBulkMessageDeleteEvent) -> None:
        """A moderator's bot deleted several messages."""
        await self._deleted(payload.channel_id, payload.message_ids)

    async def _deleted(self, channel_id: int, message_ids: Iterable[int]) -> None:
        with Caught("a deleted message"):
            deleted = await self.bot.store.messages.deleted(
                str(channel_id), [str(id) for id in message_ids]
            )
            for message in deleted:
                with about_job(message.job_id):
                    log.info("Its %s message was deleted", message.kind)
                    # A progress message is also deleted once its job has ended.
                    if message.kind == "progress" and await self.bot.queue.cancel(message.job_id):
                        log.info("Cancelled, because its progress message was deleted")


async def setup(bot: ImageBot) -> None:
    """Add the cog; discord.py calls this when it loads the extension."""
    await bot.add_cog(DeletedMessages(bot))
