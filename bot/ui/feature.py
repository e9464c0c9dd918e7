"""The base of cogs that take part in every request, or have buttons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Protocol

import discord
from discord.ext import commands

from bot.requests.intake import Intake
from bot.requests.requester import Gate, Taken


class FeatureBot(Protocol):
    """What a feature is added to."""

    intake: Intake

    def add_dynamic_items(self, *items: type[discord.ui.DynamicItem[Any]]) -> None:
        """Have what is pressed in any message answered by these."""

    def remove_dynamic_items(self, *items: type[discord.ui.DynamicItem[Any]]) -> None:
        """And no longer."""


class Feature(commands.Cog):
    """A cog whose gates, callbacks and buttons work for as long as it is loaded.

    ``gates`` judge each request, in the order in which the cogs are loaded; ``taken`` are told
    of each accepted job; ``buttons`` keep working after a restart. A subclass says of what type
    its ``bot`` is.
    """

    buttons: ClassVar[Sequence[type[discord.ui.DynamicItem[Any]]]] = ()

    def __init__(self, bot: FeatureBot) -> None:
        self.bot: FeatureBot = bot
        self.gates: Sequence[Gate] = ()
        self.taken: Sequence[Taken] = ()

    async def cog_load(self) -> None:
        """Called by discord.py after the cog was added."""
        self.bot.add_dynamic_items(*self.buttons)
        self.bot.intake.gates.extend(self.gates)
        self.bot.intake.taken.extend(self.taken)

    async def cog_unload(self) -> None:
        """Called by discord.py before the cog is removed."""
        self.bot.remove_dynamic_items(*self.buttons)
        for gate in self.gates:
            self.bot.intake.gates.remove(gate)
        for taken in self.taken:
            self.bot.intake.taken.remove(taken)
