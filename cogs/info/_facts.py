"""What Info tells about a picture: from its job, or from its file."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Sequence
from typing import Any

import discord

from bot.client import ImageBot
from bot.language import _, plural
from bot.language.formatting import escape, link_to, prompt_lines, shown_prompt
from bot.language.settings_text import other_settings
from bot.media.loss_plot import curve_of, plot
from bot.media.main_colour import main_colour
from bot.requests.rights import may_see
from data.jobs.stored import StoredJob
from engine.events import Losses
from engine.pictures.provenance import Made
from engine.request.request import ImageRequest

COLOUR = 0x5865F2
PLOT = "losses.png"
_FIELD = 1024  # characters, Discord's limit
_ANCESTORS = 5


async def info_of(
    bot: ImageBot, interaction: discord.Interaction[Any], jobs: Sequence[StoredJob]
) -> tuple[discord.Embed, list[discord.File]]:
    """Return what is known about a job, or about those of a grid, and the plot of the losses."""
    job = jobs[0]
    embed = _request_embed(job.request)
    picture = await bot.store.picture(job.id)
    embed.colour = await asyncio.to_thread(main_colour, picture, COLOUR)
    seeds = ", ".join(str(each.seed) for each in jobs)
    embed.add_field(name=_("Seeds") if len(jobs) > 1 else _("Seed"), value=seeds)
    result = job.result or {}
    _add_size(embed, job.request, result.get("width"), result.get("height"))
    iterations = result.get("iterations", job.request.iterations)
    if iterations is not None:
        text = _count(iterations, bool(result.get("stopped")))
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


def file_embed(made: Made, size: tuple[int, int]) -> discord.Embed:
    """Return what a picture's file says; ``size`` is its width and height."""
    embed = _request_embed(made.request)
    embed.description = _("As the picture's file says, which anybody can change.")
    if made.seed is not None:
        embed.add_field(name=_("Seed"), value=str(made.seed))
    _add_size(embed, made.request, *size)
    iterations = made.stopped_at or made.request.iterations
    if iterations is not None:
        embed.add_field(name=_("Iterations"), value=_count(iterations, made.stopped_at is not None))
    embed.set_footer(text=_painted_with(made))
    return embed


def _painted_with(made: Made) -> str:
    facts = [
        made.facts[name] for name in ("imagine-bot", "device", "precision") if name in made.facts
    ]
    return " · ".join(escape(str(fact), 60) for fact in facts)


def _count(iterations: int, stopped: bool) -> str:
    return f"{iterations} ({_('stopped early')})" if stopped else str(iterations)


def _request_embed(request: ImageRequest) -> discord.Embed:
    """Return what a request says by itself."""
    embed = discord.Embed(title=_("Info"), colour=COLOUR)
    if request.prompt.strip():
        embed.add_field(name=_("Prompt"), value=escape(request.prompt)[:_FIELD], inline=False)
    understood = prompt_lines(request)
    if understood and understood != f"- {escape(request.prompt, 300)}":  # nothing else than above
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
