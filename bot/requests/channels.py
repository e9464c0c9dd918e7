"""Where a stored job belongs in Discord: its channel, and ids as discord.py takes them."""

from __future__ import annotations

from typing import Protocol

import discord


class Channels(Protocol):
    """Gives channels by their ids, whether they are in the cache or not."""

    def get_partial_messageable(self, id: int, *, guild_id: int | None = None
                                ) -> discord.PartialMessageable:
        """The channel, which is asked nothing of before it is used."""


class Users(Protocol):
    """Gives people by their ids."""

    async def fetch_user(self, user_id: int, /) -> discord.User:
        """The person; raises discord.HTTPException."""


class ChannelsAndUsers(Channels, Users, Protocol):
    """Both: what a job's messages are found with."""


def channel_of(channels: Channels, channel_id: str, guild_id: str | None
               ) -> discord.PartialMessageable:
    """The channel of a job."""
    return channels.get_partial_messageable(
        int(channel_id), guild_id=None if guild_id is None else int(guild_id))


def as_number(id: str | int | None) -> int | None:
    """An id of Discord's, which is stored as text, as a number."""
    return None if id is None else int(id)
