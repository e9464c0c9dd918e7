"""Which channels a member sees, and whether all who see one channel also see another."""

from __future__ import annotations

from typing import Any

import discord

from bot.requests.rights import permissions_of


def visible_channels(interaction: discord.Interaction[Any]) -> list[str]:
    """Return the ids of the channels and active threads of this server that the member can view.

    Those for adults only are left out, unless the interaction is in one.
    """
    guild, member = interaction.guild, interaction.user
    if guild is None or not isinstance(member, discord.Member):
        return []
    here = interaction.channel
    adults = here is not None and is_for_adults(here)
    found = {
        str(channel.id)
        for channel in (*guild.channels, *guild.threads)
        if permissions_of(member, channel).view_channel and (adults or not is_for_adults(channel))
    }
    return sorted(found)


def is_for_adults(channel: Any) -> bool:
    """Whether Discord shows a channel, or a thread's parent, to adults only."""
    is_nsfw = getattr(channel, "is_nsfw", None)
    return is_nsfw is not None and bool(is_nsfw())


def audience_within(there: discord.abc.GuildChannel, source: Any) -> bool:
    """Whether all who see the channel ``there`` see the channel or thread ``source``, too.

    Roles are compared one by one; a member who is kept out of ``source`` makes it False, too, as
    does a channel for adults if ``there`` is not.
    """
    if isinstance(source, discord.Thread):
        if source.is_private() or source.parent is None:
            return False
        source = source.parent
    if not isinstance(source, discord.abc.GuildChannel):
        return False
    if is_for_adults(source) and not is_for_adults(there):
        return False
    everyone_sees = source.permissions_for(source.guild.default_role).view_channel
    for role in source.guild.roles:
        if (
            there.permissions_for(role).view_channel
            and not source.permissions_for(role).view_channel
        ):
            return False
    kept_out = any(
        overwrite.view_channel is False
        for target, overwrite in source.overwrites.items()
        if not isinstance(target, discord.Role)
    )
    let_in = any(
        overwrite.view_channel is True
        for target, overwrite in there.overwrites.items()
        if not isinstance(target, discord.Role)
    )
    return not kept_out and (everyone_sees or not let_in)
