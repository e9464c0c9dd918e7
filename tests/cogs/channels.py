"""Channels of the virtual Discord whose settings change while the bot runs."""

from __future__ import annotations

from typing import Any

import discord
from simcord.backend.models import Overwrite
from simcord.builders import RoleHandle
from simcord.enums import OverwriteType


async def set_rights(world: Any, channel: Any, target: Any, **rights: bool) -> None:
    """Allow or deny a role, a member or the bot something in a channel."""
    allow, deny = discord.PermissionOverwrite(**rights).pair()
    kind = OverwriteType.ROLE if isinstance(target, RoleHandle) else OverwriteType.MEMBER
    world.env.backend.set_overwrite(
        channel.id,
        Overwrite(target_id=target.id, type=kind, allow=allow.value, deny=deny.value),
    )
    await world.env.settle()


async def channel_for_adults(world: Any, here: Any, name: str = "adults") -> Any:
    """A channel that Discord shows to adults only."""
    channel = here.guild.create_text_channel(name)
    world.env.backend.get_channel(channel.id).nsfw = True
    world.env.backend.emit(
        "CHANNEL_UPDATE",
        {
            "id": str(channel.id),
            "type": 0,
            "guild_id": str(here.guild.id),
            "name": name,
            "position": 0,
            "nsfw": True,
            "permission_overwrites": [],
        },
    )
    await world.env.settle()
    assert world.bot.get_channel(channel.id).is_nsfw()
    return channel
