"""Acknowledging an interaction in time: Discord waits three seconds.

Everything that reads or writes the database answers after :func:`defer`. A modal cannot follow a
deferral, and a list of choices cannot be deferred: what they need is read with :func:`in_time`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

import discord

from bot.errors import SlowError
from bot.language import _

T = TypeVar("T")

READ_SECONDS = 1.0


async def defer(interaction: discord.Interaction[Any]) -> None:
    """Acknowledge, unless that was done; the answer is for the user alone."""
    if not interaction.response.is_done():
        await interaction.response.defer(ephemeral=True, thinking=True)


async def in_time(reading: Awaitable[T]) -> T:
    """Return what ``reading`` returns; raises SlowError if that takes more than a second."""
    try:
        async with asyncio.timeout(READ_SECONDS):
            return await reading
    except TimeoutError:
        raise SlowError(_("I'm slow right now. Try again in a moment.")) from None
