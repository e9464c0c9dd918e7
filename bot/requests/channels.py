"""Discord's side of a stored job: its channel, and ids in discord.py's types."""

from __future__ import annotations

from typing import Any, Protocol

import discord

from engine.jobs.job import Place


class Channels(Protocol):
    """Finds channels by their ids, cached or not."""

    def get_partial_messageable(
        self, id: int, *, guild_id: int | None = None
    ) -> discord.PartialMessageable:
        """Return the channel without asking Discord."""


class Users(Protocol):
    """Finds users by their ids."""

    async def fetch_user(self, user_id: int, /) -> discord.User:
        """Return the user; raises discord.HTTPException."""


class ChannelsAndUsers(Channels, Users, Protocol):
    """Both, for finding a job's messages."""


def channel_of(
    channels: Channels, channel_id: str, guild_id: str | None
) -> discord.PartialMessageable:
    """Return the channel with this id."""
    return channels.get_partial_messageable(
        int(channel_id), guild_id=None if guild_id is None else int(guild_id)
    )


def channel_of_job(channels: Channels, place: Place) -> discord.PartialMessageable:
    """Return the channel in which a job is shown: direct messages if it is private."""
    if place.private_channel_id is not None:
        return channel_of(channels, place.private_channel_id, None)
    return channel_of(channels, place.channel_id, place.guild_id)


def as_number(id: str | int | None) -> int | None:
    """Return an id of Discord, which is stored as text, as a number."""
    return None if id is None else int(id)


def guild_id_of(interaction: discord.Interaction[Any]) -> str | None:
    """Return the id of the interaction's server as it is stored; None in direct messages."""
    return None if interaction.guild_id is None else str(interaction.guild_id)
