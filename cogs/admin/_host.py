"""Checking that somebody is the bot's host."""

from __future__ import annotations

from typing import Any

import discord

from bot.errors import MissingRightError
from bot.language import _
from bot.ui.answers import defer


async def check_host(interaction: discord.Interaction[Any]) -> None:
    """Raise MissingRightError unless the user owns the bot's application."""
    if not await interaction.client.is_owner(interaction.user):
        raise MissingRightError(_("Only the bot's host can do that."))


async def defer_for_host(interaction: discord.Interaction[Any]) -> None:
    """Acknowledge, and check the same: the first check of a process asks Discord."""
    await defer(interaction)
    await check_host(interaction)
