"""Where a stored job belongs in Discord: its channel, and ids as discord.py takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord

if TYPE_CHECKING:
    from bot.client import ImageBot


def channel_of(bot: ImageBot, channel_id: str, guild_id: str | None
               ) -> discord.PartialMessageable:
    """The channel of a job, whether the bot has it in its cache or not."""
    return bot.get_partial_messageable(
        int(channel_id), guild_id=None if guild_id is None else int(guild_id))


def as_number(id: str | int | None) -> int | None:
    """An id of Discord's, which is stored as text, as a number."""
    return None if id is None else int(id)
