"""/queue: the running and waiting pictures of this server."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import ImageBot
from bot.errors import Guarded
from bot.language import _, plural
from bot.language.formatting import from_now, ordinal, shown_prompt
from bot.requests.rights import may_see
from bot.ui.card import Card, show
from engine.events import Progress
from engine.jobs.job import Job

SHOWN = 15


class Overview(commands.Cog):
    """The queue, as one user in one channel may see it."""

    def __init__(self, bot: ImageBot) -> None:
        self.bot = bot

    @app_commands.command(
        name="queue", description="Show which pictures are running and waiting here"
    )
    async def queue(self, interaction: discord.Interaction[Any]) -> None:
        """Answer the user alone."""
        async with Guarded(interaction, "/queue"):
            await show(interaction, overview(self.bot.queue.positions(), interaction))


def overview(jobs: list[tuple[int, Job]], interaction: discord.Interaction[Any]) -> Card:
    """List this server's jobs by queue position, and count the jobs from elsewhere.

    Only jobs in channels that the user can view are listed, and their own. In direct messages only
    the user's own jobs are listed.
    """
    person = str(interaction.user.id)
    lines, elsewhere = [], 0
    for position, job in jobs:
        if may_see(interaction, job):
            whose = _("you") if job.person == person else f"<@{job.person}>"
            lines.append(_line(position, job, whose))
        else:
            elsewhere += 1
    card = Card(_("Queue"))
    card.entries(lines, most=SHOWN, letters=3500)
    if not lines:
        card.text(
            _("The channels that you can see have no pictures in the queue.")
            if interaction.guild_id is not None
            else _("You have no pictures in the queue.")
        )
    if elsewhere:
        card.small(
            plural(
                "{number} picture from elsewhere is also in the queue.",
                "{number} pictures from elsewhere are also in the queue.",
                elsewhere,
            )
        )
    return card


def _line(position: int, job: Job, whose: str) -> str:
    if isinstance(job.latest, Progress):
        where = _(
            "running, {iteration} of {iterations}",
            iteration=job.latest.iteration,
            iterations=job.latest.iterations,
        )
    elif job.elsewhere and job.state == "running":  # how far it is only its process knows
        where = _("running")
    else:
        where = ordinal(position)
    if job.eta is not None:
        where += ", " + _("expected {when}", when=from_now(job.eta))
    words = shown_prompt(job.request, 80)
    what = "" if job.time_lapse_of is None else f" ({_('time-lapse')})"
    return _("**{where}**, for {person}", where=where, person=whose) + f"{what}: {words}"


async def setup(bot: ImageBot) -> None:
    """Add the cog; discord.py calls this when it loads the extension."""
    await bot.add_cog(Overview(bot))
