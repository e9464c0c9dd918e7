"""A feature: a cog whose buttons work while it is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Protocol

import discord
from discord.ext import commands


class FeatureBot(Protocol):
    """What a feature uses of the client."""

    def add_dynamic_items(self, *items: type[discord.ui.DynamicItem[Any]]) -> None:
        """Handle clicks on these buttons in any message."""

    def remove_dynamic_items(self, *items: type[discord.ui.DynamicItem[Any]]) -> None:
        """Stop handling clicks on these buttons."""


class Feature(commands.Cog):
    """A cog with ``buttons``, which keep working after a restart.

    A subclass declares the type of its ``bot``.
    """

    buttons: ClassVar[Sequence[type[discord.ui.DynamicItem[Any]]]] = ()

    def __init__(self, bot: FeatureBot) -> None:
        self.bot: FeatureBot = bot

    async def cog_load(self) -> None:
        """Register the buttons; discord.py calls this after adding the cog."""
        self.bot.add_dynamic_items(*self.buttons)

    async def cog_unload(self) -> None:
        """Remove them; discord.py calls this before removing the cog."""
        self.bot.remove_dynamic_items(*self.buttons)
