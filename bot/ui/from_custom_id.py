"""Buttons that are made again from their custom id alone, so that they work after a restart."""

from __future__ import annotations

import re
from typing import Any, Self

import discord


class FromCustomId:
    """Comes before discord.ui.DynamicItem among a button's bases.

    The groups of the button's ``template`` are the arguments of its constructor, in order.
    """

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction[Any],
        item: discord.ui.Item[Any],
        match: re.Match[str],
        /,
    ) -> Self:
        """Return the button that was pressed, from its id alone."""
        return cls(*match.groups())
