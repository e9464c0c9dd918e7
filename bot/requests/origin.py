"""Who asks for a picture, where, and how to answer: a command, a button or a message."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

import discord

from bot.guild.rules import Rules
from bot.requests.channels import guild_id_of
from engine.jobs.job import Job, Place
from engine.request.request import ImageRequest

Kind = Literal["imagine", "edit"]


@dataclass(frozen=True)
class Origin:
    """The origin of one request.

    ``channels`` are the ids of the channel and of a thread's parent; ``roles`` are the user's roles
    in the server, none in direct messages; ``permissions`` are the user's in the channel. ``tell``
    answers the user alone; it is None for a message, whose ``message_id`` the progress message
    replies to.
    """

    person: str
    place: Place
    channels: tuple[str, ...]
    roles: frozenset[str]
    permissions: discord.Permissions
    kind: Kind
    tell: Callable[[str], Awaitable[Any]] | None
    message_id: int | None = None


Gate = Callable[[Origin, ImageRequest, Rules], Awaitable[ImageRequest]]
"""What every asking goes through before it is queued: it raises a BotError to refuse, or returns
the request, with what a server or a person chose filled in. The rules are those of the place."""

OnAccepted = Callable[[Origin, Job], Awaitable[None]]
"""Told of each job that was queued, before its person is."""


def origin_of_interaction(interaction: discord.Interaction[Any], kind: Kind = "imagine") -> Origin:
    """Return the origin of a deferred interaction."""
    assert interaction.channel_id is not None  # commands, buttons and modals always have one

    async def tell(text: str) -> None:
        await interaction.edit_original_response(content=text)

    guild_id = guild_id_of(interaction)
    place = Place(guild_id, str(interaction.channel_id), str(interaction.locale))
    return Origin(
        str(interaction.user.id),
        place,
        _channels(interaction.channel),
        _roles(interaction.user),
        interaction.permissions,
        kind,
        tell,
    )


def origin_of_message(message: discord.Message, kind: Kind = "edit") -> Origin:
    """Return the origin of a message to the bot."""
    guild = message.guild
    place = Place(
        None if guild is None else str(guild.id),
        str(message.channel.id),
        "en-US" if guild is None else str(guild.preferred_locale),
    )
    author = message.author
    permissions = (
        message.channel.permissions_for(author)
        if guild is not None and isinstance(author, discord.Member)
        else discord.Permissions.none()
    )
    return Origin(
        str(author.id),
        place,
        _channels(message.channel),
        _roles(author),
        permissions,
        kind,
        None,
        message.id,
    )


def _channels(channel: Any) -> tuple[str, ...]:
    if channel is None:
        return ()
    parent = getattr(channel, "parent_id", None) if isinstance(channel, discord.Thread) else None
    return (str(channel.id),) if parent is None else (str(channel.id), str(parent))


def _roles(user: discord.abc.User) -> frozenset[str]:
    if not isinstance(user, discord.Member):
        return frozenset()
    return frozenset(str(role.id) for role in user.roles)
