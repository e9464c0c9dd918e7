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
from bot.ui.card import COLOUR, Card
from data.jobs.stored import StoredJob
from engine.events import Losses
from engine.pictures.provenance import Made
from engine.request.request import ImageRequest

PLOT = "losses.png"
_ANCESTORS = 5


async def info_of(
    bot: ImageBot, interaction: discord.Interaction[Any], jobs: Sequence[StoredJob]
) -> Card:
    """Return what is known about a job, or about those of a grid, with the plot of the losses."""
    job = jobs[0]
    picture = await bot.store.picture(job.id)
    card = Card(_("Info"), colour=await asyncio.to_thread(main_colour, picture, COLOUR))
    _add_request(card, job.request)
    seeds = ", ".join(str(each.seed) for each in jobs)
    facts = {_("Seeds") if len(jobs) > 1 else _("Seed"): seeds, **_model(job.request)}
    result = job.result or {}
    facts |= _size(job.request, result.get("width"), result.get("height"))
    iterations = result.get("iterations", job.request.iterations)
    if iterations is not None:
        facts[_("Iterations")] = _count(iterations, bool(result.get("stopped")))
    card.facts(facts)
    card.facts({_("Asked for"): f"<t:{job.created_at // 1000}:f>"})
    card.fact(_("Made from"), await _parents(bot, interaction, job), most=700)
    kept = [await bot.store.losses(each.id) for each in jobs]
    known = [
        (losses, int((each.result or {}).get("iterations", 0)))
        for each, losses in zip(jobs, kept, strict=True)
        if losses is not None
    ]
    if known:
        data = await asyncio.to_thread(plot, [curve_of(*each) for each in known])
        alt = losses_alt_text(*known[0])
        card.fact(_("Losses at the end"), _last(known[0][0]), most=500)
        card.pictures([(discord.File(io.BytesIO(data), filename=PLOT, description=alt), False)])
    card.small(_("job {id}", id=job.id[:8]))
    return card


def file_card(made: Made, size: tuple[int, int]) -> Card:
    """Return what a picture's file says; ``size`` is its width and height."""
    card = Card(_("Info"))
    card.text(_("As the picture's file says, which anybody can change."))
    _add_request(card, made.request)
    facts = {} if made.seed is None else {_("Seed"): str(made.seed)}
    facts |= {**_model(made.request), **_size(made.request, *size)}
    iterations = made.stopped_at or made.request.iterations
    if iterations is not None:
        facts[_("Iterations")] = _count(iterations, made.stopped_at is not None)
    card.facts(facts)
    card.small(_painted_with(made))
    return card


def _painted_with(made: Made) -> str:
    facts = [
        made.facts[name] for name in ("imagine-bot", "device", "precision") if name in made.facts
    ]
    return " · ".join(escape(str(fact), 60) for fact in facts)


def _count(iterations: int, stopped: bool) -> str:
    return f"{iterations} ({_('stopped early')})" if stopped else str(iterations)


def _add_request(card: Card, request: ImageRequest) -> None:
    """Add what a request says by itself."""
    card.fact(_("Prompt"), escape(request.prompt))
    understood = prompt_lines(request)
    if understood != f"- {escape(request.prompt, 300)}":  # nothing else than above
        card.fact(_("Understood as"), understood)
    card.fact(_("Other settings"), other_settings(request), most=500)


def _model(request: ImageRequest) -> dict[str, str]:
    return {_("Model"): escape(request.networks, 100)}


def _size(request: ImageRequest, width: int | None, height: int | None) -> dict[str, str]:
    across, down = width or request.width, height or request.height
    return {_("Size"): f"{across}×{down}"} if across and down else {}


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
