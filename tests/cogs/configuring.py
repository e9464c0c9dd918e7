"""Helpers for /config: a member who may use it, and a function that runs it."""

from __future__ import annotations

import discord

from bot.language.commands import without_links
from tests.cogs.cards import said


def add_manager(here):
    """Add a member who has Manage Server."""
    role = here.guild.create_role("managers", permissions=discord.Permissions(manage_guild=True))
    return here.guild.add_member(here.guild._env.create_user("manager"), roles=[role])


async def configure(here, manager, command, **options):
    """Run a /config command as the manager, and return the answer that only they see.

    The commands in it have their names, as Discord shows their links.
    """
    result = await manager.slash(here.channel, f"config {command}", **options)
    assert result.ephemeral
    return without_links(said(result))
