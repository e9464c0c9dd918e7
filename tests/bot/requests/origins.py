"""Origins of requests, for tests."""

from __future__ import annotations

import discord

from bot.requests.origin import Origin
from engine.jobs.job import Place
from tests.bot.discord_edge import ALICE

HERE, DIRECT = Place("100", "200"), Place(None, "300")


def origin(
    place=HERE,
    *,
    person=ALICE,
    roles=(),
    manages=False,
    way="/imagine",
    channels=None,
    tell=None,
    message_id=None,
):
    """Return an origin: by default alice, in the server's channel."""
    return Origin(
        str(person),
        place,
        channels or (place.channel_id,),
        frozenset(roles),
        discord.Permissions(manage_guild=manages),
        way,
        tell,
        message_id,
    )
