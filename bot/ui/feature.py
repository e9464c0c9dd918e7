"""A feature: a cog whose buttons and menu work while it is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Protocol

import discord
from discord import app_commands
from discord.ext import commands


class FeatureBot(Protocol):
    """What a feature uses of the client."""

    def add_dynamic_items(self, *items: type[discord.ui.DynamicItem[Any]]) -> None:
        """Handle clicks on these buttons in any message."""

    def remove_dynamic_items(self, *items: type[discord.ui.DynamicItem[Any]]) -> None:
        """Stop handling clicks on these buttons."""

    @property
    def tree(self) -> app_commands.CommandTree[Any]:
        """The commands and menus."""


class Feature(commands.Cog):
    """A cog with ``buttons``, which keep working after a restart, and a ``menu``, if it has one.

    A subclass declares the type of its ``bot``.
    """

    buttons: ClassVar[Sequence[type[discord.ui.DynamicItem[Any]]]] = ()
    menu: app_commands.ContextMenu | None = None

    def __init__(self, bot: FeatureBot) -> None:
        self.bot: FeatureBot = bot

    async def cog_load(self) -> None:
        """Register them, the menu by hand: in discord.py a cog has none.

        discord.py calls this after adding the cog.
        """
        self.bot.add_dynamic_items(*self.buttons)
        if self.menu is not None:
            self.bot.tree.add_command(self.menu)

    async def cog_unload(self) -> None:
        """Remove them; discord.py calls this before removing the cog."""
        if self.menu is not None:
            self.bot.tree.remove_command(self.menu.name, type=self.menu.type)
        self.bot.remove_dynamic_items(*self.buttons)
