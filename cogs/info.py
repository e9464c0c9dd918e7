"""The message menu "Info": how a picture was made."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Sequence
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import ImageBot
from bot.errors import GoneError, Guarded
from bot.language import _, plural
from bot.language.formatting import escape, link_to, prompt_lines, shown_prompt
from bot.language.settings_text import other_settings
from bot.media.loss_plot import curve_of, plot
from bot.media.source_picture import job_of
from bot.requests.custom_ids import shows_grid
from bot.requests.rights import check_may_see, may_see
from data.jobs.stored import StoredJob
from engine.events import Losses
from engine.request.request import ImageRequest

MENU = "Info"
COLOUR = 0x5865F2
PLOT = "losses.png"
_FIELD = 1024  # characters, Discord's limit
_ANCESTORS = 5


class Info(commands.Cog):
    """The menu; it answers the user alone."""

    def __init__(self, bot: ImageBot) -> None:
        self.bot = bot
        self.menu = app_commands.ContextMenu(name=MENU, callback=self.info)

    async def cog_load(self) -> None:
        """Add the menu by hand: in discord.py a cog has no context menus."""
        self.bot.tree.add_command(self.menu)

    async def cog_unload(self) -> None:
        """Remove the menu."""
        self.bot.tree.remove_command(self.menu.name, type=self.menu.type)

    async def info(self, interaction: discord.Interaction[Any], message: discord.Message) -> None:
        """Tell how the message's picture was made."""
        async with Guarded(interaction, MENU):
            await interaction.response.defer(ephemeral=True, thinking=True)
            job = await job_of(self.bot, message)
            if job is None:
                raise GoneError(
                    _("I know nothing about a picture in that message. Choose one of my pictures.")
                )
            check_may_see(interaction, job)
            several = job.grid is not None and shows_grid(message.components)
            jobs = await self.bot.store.grid(job.grid or "") if several else [job]
            embed, files = await info_of(self.bot, interaction, jobs)
            await interaction.edit_original_response(embed=embed, attachments=files)


async def info_of(
    bot: ImageBot, interaction: discord.Interaction[Any], jobs: Sequence[StoredJob]
) -> tuple[discord.Embed, list[discord.File]]:
    """Return what is known about a job, or about those of a grid, and the plot of the losses."""
    job = jobs[0]
    embed = request_embed(job.request)
    seeds = ", ".join(str(each.seed) for each in jobs)
    embed.add_field(name=_("Seeds") if len(jobs) > 1 else _("Seed"), value=seeds)
    result = job.result or {}
    _add_size(embed, job.request, result.get("width"), result.get("height"))
    iterations = result.get("iterations", job.request.iterations)
    if iterations is not None:
        text = str(iterations)
        if result.get("stopped"):
            text = f"{text} ({_('stopped early')})"
        embed.add_field(name=_("Iterations"), value=text)
    embed.add_field(name=_("Asked for"), value=f"<t:{job.created_at // 1000}:f>")
    parents = await _parents(bot, interaction, job)
    if parents:
        embed.add_field(name=_("Made from"), value=parents[:_FIELD], inline=False)
    embed.set_footer(text=_("job {id}", id=job.id[:8]))
    kept = [await bot.store.losses(each.id) for each in jobs]
    known = [
        (losses, int((each.result or {}).get("iterations", 0)))
        for each, losses in zip(jobs, kept, strict=True)
        if losses is not None
    ]
    if not known:
        return embed, []
    data = await asyncio.to_thread(plot, [curve_of(*each) for each in known])
    alt = losses_alt_text(*known[0])
    embed.add_field(name=_("Losses at the end"), value=_last(known[0][0])[:_FIELD], inline=False)
    embed.set_image(url=f"attachment://{PLOT}")
    return embed, [discord.File(io.BytesIO(data), filename=PLOT, description=alt)]


def request_embed(request: ImageRequest) -> discord.Embed:
    """Return what a request says by itself."""
    embed = discord.Embed(title=MENU, colour=COLOUR)
    if request.prompt.strip():
        embed.add_field(name=_("Prompt"), value=escape(request.prompt)[:_FIELD], inline=False)
    understood = prompt_lines(request)
    if understood:
        embed.add_field(name=_("Understood as"), value=understood[:_FIELD], inline=False)
    others = other_settings(request)
    if others:
        embed.add_field(name=_("Other settings"), value=others[:_FIELD], inline=False)
    embed.add_field(name=_("Model"), value=escape(request.networks, 100))
    return embed


def _add_size(
    embed: discord.Embed, request: ImageRequest, width: int | None, height: int | None
) -> None:
    across, down = width or request.width, height or request.height
    if across and down:
        embed.add_field(name=_("Size"), value=f"{across}×{down}")


async def _parents(bot: ImageBot, interaction: discord.Interaction[Any], job: StoredJob) -> str:
    """The job from which the requester went on, the one before that, and so on, newest first."""
    lines: list[str] = []
    at, seen = job, {job.id}
    while at.parent is not None and at.parent not in seen and len(lines) < _ANCESTORS:
        seen.add(at.parent)
        parent = await bot.store.job(at.parent)
        if parent is None or parent.removed_at is not None:
            lines.append(_("a picture that was deleted"))
            break
        if not may_see(interaction, parent):
            lines.append(_("a picture that you can't see"))
            break
        message = (await bot.store.messages.results_of([parent.id])).get(parent.id)
        words = shown_prompt(parent.request, 80)
        lines.append(f"{words}, {_('seed {seed}', seed=parent.seed)}{link_to(message)}")
        at = parent
    return "\n".join(f"{number}. {line}" for number, line in enumerate(lines, 1))


def _last(losses: Losses) -> str:
    """The last losses by name, the total first."""
    names = sorted(losses.last, key=lambda name: name != "total")
    return " · ".join(f"{escape(name, 80)} {losses.last[name]:.3g}" for name in names)


def losses_alt_text(losses: Losses, iterations: int) -> str:
    """Return the description of the plot for people who cannot see it."""
    first, last = losses.total[0], losses.last.get("total", losses.total[-1])
    return plural(
        "Losses: from {first:.3g} to {last:.3g} in {number} iteration",
        "Losses: from {first:.3g} to {last:.3g} in {number} iterations",
        iterations,
        first=first,
        last=last,
    )


async def setup(bot: ImageBot) -> None:
    """Add the cog; discord.py calls this when it loads the extension."""
    await bot.add_cog(Info(bot))
