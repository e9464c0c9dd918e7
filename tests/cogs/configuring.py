"""Who may manage a server, and what they say to /config."""

from __future__ import annotations

import discord


def add_manager(here):
    """Somebody with the right Manage Server."""
    role = here.guild.create_role("managers", permissions=discord.Permissions(manage_guild=True))
    return here.guild.add_member(here.guild._env.create_user("manager"), roles=[role])


async def configure(here, manager, command, **options):
    """What is answered, to the manager alone."""
    result = await manager.slash(here.channel, f"config {command}", **options)
    assert result.ephemeral
    return result.response.content
