"""What a member may see and do: whose pictures, in which channels, and to which members.

Power over a picture is power in the picture's own channel, wherever the member acts. Power over
the server comes from roles alone (:func:`bot.permissions.server_permissions`).
"""

from __future__ import annotations

from typing import Any, Protocol

import discord

from bot.errors import MissingRightError, NotYoursError
from bot.language import _, mark
from bot.permissions import Verb, server_permissions
from engine.jobs.job import Place

_NOT_YOURS: dict[Verb, str] = {
    "stop": mark("Only the person who requested this picture or a moderator can stop it."),
    "cancel": mark("Only the person who requested this picture or a moderator can cancel it."),
    "change": mark("Only the person who requested this picture or a moderator can change it."),
    "keep": mark("Only the person who requested this picture or a moderator can keep it."),
    "delete": mark("Only the person who requested this picture or a moderator can delete it."),
}


class Owned(Protocol):
    """A job: in the queue or stored."""

    @property
    def person(self) -> str:
        """The id of the user who requested it."""

    @property
    def place(self) -> Place:
        """Where it was requested."""


def known_permissions(
    interaction: discord.Interaction[Any], place: Place
) -> discord.Permissions | None:
    """Return the member's permissions in a channel of the interaction's server.

    They are none in another server and in direct messages. None stands for a channel that is not
    in the cache: it was deleted, or it is an archived thread.
    """
    guild, member = interaction.guild, interaction.user
    if place.guild_id is None or place.guild_id != str(interaction.guild_id):
        return discord.Permissions.none()
    if place.channel_id == str(interaction.channel_id):
        return interaction.permissions
    if guild is None or not isinstance(member, discord.Member):
        return discord.Permissions.none()
    channel = guild.get_channel_or_thread(int(place.channel_id))
    return None if channel is None else permissions_of(member, channel)


async def permissions_in(
    interaction: discord.Interaction[Any], place: Place
) -> discord.Permissions:
    """Return the same, and ask Discord about an unknown channel.

    Power in the whole server is power over what is left of a deleted channel.
    """
    known = known_permissions(interaction, place)
    if known is not None:
        return known
    member, guild = interaction.user, interaction.guild
    assert isinstance(member, discord.Member)  # or nothing is unknown
    assert guild is not None
    try:
        channel = await guild.fetch_channel(int(place.channel_id))
    except discord.NotFound:
        return server_permissions(member)
    except discord.Forbidden:
        return discord.Permissions.none()
    return permissions_of(member, channel)


def permissions_of(member: discord.Member, channel: Any) -> discord.Permissions:
    """Return a member's permissions in a channel or thread of the cache."""
    if isinstance(channel, discord.Thread) and channel.parent is None:
        return discord.Permissions.none()  # they are the parent's, which is not known yet
    permissions: discord.Permissions = channel.permissions_for(member)
    if (
        isinstance(channel, discord.Thread)
        and channel.is_private()
        and not permissions.manage_threads
    ):
        return discord.Permissions.none()  # who is in it is not known
    return permissions


def may_see(interaction: discord.Interaction[Any], job: Owned) -> bool:
    """Whether the user requested the job, or can view its channel and it is not private."""
    if job.person == str(interaction.user.id):
        return True
    if job.place.private:
        return False
    permissions = known_permissions(interaction, job.place)
    if permissions is None:
        return server_permissions(interaction.user).administrator
    return permissions.view_channel


def check_may_see(interaction: discord.Interaction[Any], job: Owned) -> None:
    """Raise NotYoursError unless the user may see the job's prompt and picture.

    A button's id can be forged, so each use of a job named by an id checks this.
    """
    if not may_see(interaction, job):
        if job.place.private:
            raise NotYoursError(_("That picture is private."))
        raise NotYoursError(_("That picture is in a channel that you can't see."))


def moderates(permissions: discord.Permissions) -> bool:
    """Whether these permissions make a moderator, of a channel or of the server."""
    return permissions.administrator or (permissions.view_channel and permissions.manage_messages)


def moderated_channels(interaction: discord.Interaction[Any]) -> list[str] | None:
    """Return the ids of the channels and active threads that the user moderates.

    None stands for all of them, also those that the cache does not know, for administrators.
    Raises MissingRightError if there are none.
    """
    guild, member = interaction.guild, interaction.user
    if interaction.guild_id is None:
        raise MissingRightError(_("Use this command in a server that you moderate."))
    if server_permissions(member).administrator:
        return None
    found = {str(interaction.channel_id)} if moderates(interaction.permissions) else set()
    if guild is not None and isinstance(member, discord.Member):
        found.update(
            str(channel.id)
            for channel in (*guild.channels, *guild.threads)
            if moderates(permissions_of(member, channel))
        )
    if not found:
        raise MissingRightError(_("You need Manage Messages to do that."))
    return sorted(found)


async def check_may_moderate(interaction: discord.Interaction[Any], job: Owned) -> None:
    """Raise MissingRightError unless the user moderates the channel of the job."""
    if not moderates(await permissions_in(interaction, job.place)):
        raise MissingRightError(_("You need Manage Messages in that picture's channel."))


async def check_owner_or_moderator(
    interaction: discord.Interaction[Any], job: Owned, verb: Verb
) -> None:
    """Raise NotYoursError unless the user requested the job or moderates its channel."""
    if job.person == str(interaction.user.id):
        return
    if not moderates(await permissions_in(interaction, job.place)):
        raise NotYoursError(_(_NOT_YOURS[verb]))


def check_moderates_server(interaction: discord.Interaction[Any]) -> str:
    """Return the server's id; raises MissingRightError unless the user moderates all of it.

    Discord hides the commands from others, but a server's own settings can show them again.
    """
    if interaction.guild_id is None:
        raise MissingRightError(_("Use this command in a server that you moderate."))
    permissions = server_permissions(interaction.user)
    if not (permissions.administrator or permissions.manage_messages):
        raise MissingRightError(_("You need Manage Messages in the whole server to do that."))
    return str(interaction.guild_id)


def check_may_act_on(
    interaction: discord.Interaction[Any], person: discord.User | discord.Member
) -> None:
    """Raise MissingRightError if moderators must not act on ``person``.

    That is themselves, a bot, the server's owner, and anyone whose highest role is not below their
    own; the owner can act on everyone else.
    """
    guild, member = interaction.guild, interaction.user
    if person.id == member.id:
        raise MissingRightError(_("You can't do that to yourself."))
    if person.bot:
        raise MissingRightError(_("You can't do that to a bot."))
    if guild is None or person.id == guild.owner_id:
        raise MissingRightError(_("You can't do that to the server's owner."))
    if (
        isinstance(person, discord.Member)
        and member.id != guild.owner_id
        and not (isinstance(member, discord.Member) and person.top_role < member.top_role)
    ):
        raise MissingRightError(
            _(
                "You can't do that to {person}: their highest role isn't below yours.",
                person=person.mention,
            )
        )
