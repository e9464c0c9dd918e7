"""The server's starboard: reactions to pictures are counted (bot/delivery/starboard.py)."""

from __future__ import annotations

import discord
from discord.ext import commands

from bot.client import ImageBot
from bot.errors import Caught


class StarboardCog(commands.Cog, name="Starboard"):
    """Listens to reactions; Discord tells about them without a privileged intent."""

    def __init__(self, bot: ImageBot) -> None:
        self.bot = bot

    @commands.Cog.listener()
    async def on_raw_reaction_add(self, payload: discord.RawReactionActionEvent) -> None:
        """A reaction was added; most are to messages of other people."""
        author, own = payload.message_author_id, self.bot.user
        if author is None or (own is not None and author == own.id):
            await self._note(payload.guild_id, payload.channel_id, payload.message_id)

    @commands.Cog.listener()
    async def on_raw_reaction_remove(self, payload: discord.RawReactionActionEvent) -> None:
        """A reaction was removed; Discord does not tell from whose message."""
        await self._note(payload.guild_id, payload.channel_id, payload.message_id)

    @commands.Cog.listener()
    async def on_raw_reaction_clear(self, payload: discord.RawReactionClearEvent) -> None:
        """All reactions were removed."""
        await self._note(payload.guild_id, payload.channel_id, payload.message_id)

    @commands.Cog.listener()
    async def on_raw_reaction_clear_emoji(
        self, payload: discord.RawReactionClearEmojiEvent
    ) -> None:
        """All reactions of one kind were removed."""
        await self._note(payload.guild_id, payload.channel_id, payload.message_id)

    async def _note(self, guild_id: int | None, channel_id: int, message_id: int) -> None:
        with Caught("a reaction"):
            await self.bot.starboard.note(guild_id, channel_id, message_id)


async def setup(bot: ImageBot) -> None:
    """Add the cog; discord.py calls this when it loads the extension."""
    await bot.add_cog(StarboardCog(bot))
