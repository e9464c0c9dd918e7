"""Options that take a channel: Discord then offers only the kinds that the bot can use."""

from __future__ import annotations

from typing import Any, ClassVar

import discord
from discord import app_commands


class ChannelOption(app_commands.Transformer):
    """Takes a channel of one of ``kinds``, whether the bot has it in its cache or not."""

    kinds: ClassVar[tuple[discord.ChannelType, ...]]

    @property
    def type(self) -> discord.AppCommandOptionType:
        """The kind of the option."""
        return discord.AppCommandOptionType.channel

    @property
    def channel_types(self) -> list[discord.ChannelType]:
        """The kinds of channels that Discord offers."""
        return list(self.kinds)

    async def transform(self, interaction: discord.Interaction[Any], value: Any, /) -> Any:
        """Return the channel; raises TransformerError for one of another kind."""
        if value.type not in self.kinds:
            raise app_commands.TransformerError(value, self.type, self)
        return value


class PaintingChannel(ChannelOption):
    """Where pictures can be painted: channels with messages, threads, and forums by their posts.

    Categories and directories have no messages.
    """

    kinds = (
        discord.ChannelType.text,
        discord.ChannelType.news,
        discord.ChannelType.voice,
        discord.ChannelType.stage_voice,
        discord.ChannelType.forum,
        discord.ChannelType.media,
        discord.ChannelType.public_thread,
        discord.ChannelType.private_thread,
        discord.ChannelType.news_thread,
    )
