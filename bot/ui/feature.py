"""The base of cogs that check every request, or that have buttons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Protocol

import discord
from discord.ext import commands

from bot.requests.intake import Intake
from bot.requests.origin import Gate, OnAccepted


class FeatureBot(Protocol):
    """What a feature uses of the client."""

    intake: Intake

    def add_dynamic_items(self, *items: type[discord.ui.DynamicItem[Any]]) -> None:
        """Handle clicks on these buttons in any message."""

    def remove_dynamic_items(self, *items: type[discord.ui.DynamicItem[Any]]) -> None:
        """Stop handling clicks on these buttons."""


class Feature(commands.Cog):
    """A cog whose gates, callbacks and buttons work while it is loaded.

    ``gates`` check each request, in the order in which the cogs are loaded; ``taken`` are called
    for each accepted job; ``buttons`` keep working after a restart. A subclass declares the type of
    its ``bot``.
    """

    buttons: ClassVar[Sequence[type[discord.ui.DynamicItem[Any]]]] = ()

    def __init__(self, bot: FeatureBot) -> None:
        self.bot: FeatureBot = bot
        self.gates: Sequence[Gate] = ()
        self.taken: Sequence[OnAccepted] = ()

    async def cog_load(self) -> None:
        """Register them; discord.py calls this after adding the cog."""
        self.bot.add_dynamic_items(*self.buttons)
        self.bot.intake.gates.extend(self.gates)
        self.bot.intake.taken.extend(self.taken)

    async def cog_unload(self) -> None:
        """Remove them; discord.py calls this before removing the cog."""
        self.bot.remove_dynamic_items(*self.buttons)
        for gate in self.gates:
            self.bot.intake.gates.remove(gate)
        for taken in self.taken:
            self.bot.intake.taken.remove(taken)
