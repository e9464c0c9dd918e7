"""Who asks for a picture, where, and how to answer: a command, a button or a message."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import discord

from bot.permissions import server_permissions
from bot.requests.channels import guild_id_of
from data.jobs.stored import StoredJob
from engine.jobs.job import Place

Way = Literal[
    "/imagine",
    "/blend",
    "/edit",
    "edit modal",
    "remix modal",
    "fileremix modal",
    "button again",
    "button fileagain",
    "button continue",
    "button video",
    "button vary",
    "button upscale",
    "button around",
    "button paint",
    "button choices",
    "reply",
    "mention",
    "direct message",
]
"""The ways in: the command, button, modal or message that a request came by."""
Question = Literal["/describe", "/style", "steering"]
"""What queues nothing, but asks something."""


@dataclass(frozen=True)
class Origin:
    """The origin of one request: the member, the place and the way in.

    ``channels`` are the ids of the channel and of a thread's parent, which is a forum for a post;
    ``roles`` are the user's roles in the server, none in direct messages; ``permissions`` are the
    user's in the whole server, without the channel's overwrites. ``tell`` answers the user alone;
    it is None for a message, whose ``message_id`` the progress message replies to.
    ``age_restricted`` says whether Discord shows the channel to adults only; ``private`` whether
    only the user is to see the job. ``parent`` is the job from which the user goes on.
    """

    person: str
    place: Place
    channels: tuple[str, ...]
    roles: frozenset[str]
    permissions: discord.Permissions
    way: Way | Question
    tell: Callable[[str], Awaitable[Any]] | None
    message_id: int | None = None
    age_restricted: bool = False
    private: bool = False
    parent: str | None = None


def origin_of_interaction(interaction: discord.Interaction[Any], way: Way | Question) -> Origin:
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
        server_permissions(interaction.user),
        way,
        tell,
        age_restricted=_is_age_restricted(interaction.channel),
    )


def origin_of_message(message: discord.Message, way: Way) -> Origin:
    """Return the origin of a message to the bot."""
    author = message.author
    return Origin(
        str(author.id),
        place_of_message(message),
        _channels(message.channel),
        _roles(author),
        server_permissions(author),
        way,
        None,
        message.id,
        age_restricted=_is_age_restricted(message.channel),
    )


def with_options(origin: Origin, *, spoiler: bool, private: bool) -> Origin:
    """Return the origin of a request whose picture is posted behind a spoiler, or privately."""
    return replace(origin, place=replace(origin.place, spoiler=spoiler), private=private)


def shown_like(origin: Origin, job: StoredJob | None) -> Origin:
    """Return the origin of a request that goes on from a job: as private and hidden as that is."""
    if job is None:
        return origin
    shown = with_options(origin, spoiler=job.place.spoiler, private=job.place.private)
    return replace(shown, parent=job.id)


def place_of_message(message: discord.Message) -> Place:
    """Return the place of a message, with the language that its server has in Discord."""
    guild = message.guild
    return Place(
        None if guild is None else str(guild.id),
        str(message.channel.id),
        "en-US" if guild is None else str(guild.preferred_locale),
    )


def _channels(channel: Any) -> tuple[str, ...]:
    if channel is None:
        return ()
    parent = getattr(channel, "parent_id", None) if isinstance(channel, discord.Thread) else None
    return (str(channel.id),) if parent is None else (str(channel.id), str(parent))


def _is_age_restricted(channel: Any) -> bool:
    """Whether a channel, or a thread's parent, is for adults; False if it is unknown."""
    is_nsfw = getattr(channel, "is_nsfw", None)
    return is_nsfw is not None and bool(is_nsfw())


def _roles(user: discord.abc.User) -> frozenset[str]:
    if not isinstance(user, discord.Member):
        return frozenset()
    return frozenset(str(role.id) for role in user.roles)
