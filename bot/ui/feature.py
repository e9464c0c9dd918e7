"""The base of cogs that take part in every request, or have buttons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import discord
from discord.ext import commands

from bot.client import ImageBot
from bot.requests.requester import Gate, Taken


class Feature(commands.Cog):
    """A cog whose gates, callbacks and buttons work for as long as it is loaded.

    ``gates`` judge each request, in the order in which the cogs are loaded; ``taken`` are told
    of each accepted job; ``buttons`` keep working after a restart.
    """

    buttons: ClassVar[Sequence[type[discord.ui.DynamicItem[Any]]]] = ()

    def __init__(self, bot: ImageBot) -> None:
        self.bot = bot
        self.gates: Sequence[Gate] = ()
        self.taken: Sequence[Taken] = ()

    async def cog_load(self) -> None:
        """Called by discord.py after the cog was added."""
        self.bot.add_dynamic_items(*self.buttons)
        self.bot.gates.extend(self.gates)
        self.bot.taken.extend(self.taken)

    async def cog_unload(self) -> None:
        """Called by discord.py before the cog is removed."""
        self.bot.remove_dynamic_items(*self.buttons)
        for gate in self.gates:
            self.bot.gates.remove(gate)
        for taken in self.taken:
            self.bot.taken.remove(taken)
