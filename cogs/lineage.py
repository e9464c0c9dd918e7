"""/lineage: the tree of a picture."""

from __future__ import annotations

import re
from typing import Any

import discord
from discord import app_commands

from bot.client import ImageBot
from bot.errors import GoneError, Guarded
from bot.language import _
from bot.requests.rights import check_may_see
from bot.ui.card import show
from bot.ui.feature import Feature
from bot.ui.lineage import LineageButton, lineage_of
from data.jobs.history import Search
from data.jobs.stored import StoredJob

_LINK = re.compile(r"\S*/channels/(?:\d+|@me)/(?P<channel>\d{15,20})/(?P<message>\d{15,20})\S*")
_ID = re.compile(r"[0-9a-f]{8}(?:[0-9a-f]{24})?")


class LineageCog(Feature, name="Lineage"):
    """The command."""

    bot: ImageBot

    buttons = (LineageButton,)

    @app_commands.command(description="Show what a picture was made from, and what from it")
    @app_commands.describe(
        picture="The link to its message, or its number in Info; your newest one if left out"
    )
    async def lineage(
        self,
        interaction: discord.Interaction[Any],
        picture: app_commands.Range[str, 1, 200] | None = None,
    ) -> None:
        """Answer the user alone."""
        async with Guarded(interaction, "/lineage"):
            await interaction.response.defer(ephemeral=True, thinking=True)
            job = await self._find(str(interaction.user.id), picture)
            check_may_see(interaction, job)
            await show(interaction, await lineage_of(interaction, self.bot, job))

    async def _find(self, person: str, picture: str | None) -> StoredJob:
        store = self.bot.store
        if picture is None:
            jobs, _count = await store.history.page(person, Search(), limit=1)
            if not jobs:
                raise GoneError(_("You have no pictures yet. Use /imagine to paint one."))
            return jobs[0]
        link, id = _LINK.fullmatch(picture.strip()), None
        if link is not None:
            id = await store.messages.job_shown_in(link["channel"], link["message"])
        elif _ID.fullmatch(picture.strip().lower()):
            id = await store.messages.job_starting_with(picture.strip().lower()[:8])
        job = None if id is None else await store.job(id)
        if job is not None and job.time_lapse_of is not None:
            job = await store.job(job.time_lapse_of)
        if job is None:
            raise GoneError(
                _(
                    "I don't know that picture. Give the link to its message, from the message's "
                    "menu."
                )
            )
        return job


async def setup(bot: ImageBot) -> None:
    """Add the cog; discord.py calls this when it loads the extension."""
    await bot.add_cog(LineageCog(bot))
