"""The texts of /mod: lists of pictures, restrictions and actions, for the moderator alone."""

from __future__ import annotations

from typing import Any

import discord

from bot.language import _
from bot.language.formatting import link_to, one_line, shown_prompt
from bot.moderation.log_lines import terms_of, who
from bot.requests.restrictions import timestamp
from bot.ui.autocomplete import CHOICE_LENGTH
from bot.ui.card import NOBODY, Card, show
from data.jobs.messages import JobMessage
from data.jobs.stored import StoredJob
from data.people import Restriction

LISTED = 40


async def say(interaction: discord.Interaction[Any], text: str) -> None:
    """Answer the moderator, whose interaction is deferred, without pings."""
    await interaction.edit_original_response(content=text, allowed_mentions=NOBODY)


async def show_list(
    interaction: discord.Interaction[Any], title: str, lines: list[str], nothing: str
) -> None:
    """Answer the moderator, as above, with as many ``lines`` as fit, or with ``nothing``."""
    if not lines:
        await say(interaction, nothing)
        return
    card = Card(title)
    card.entries(lines, most=LISTED)
    await show(interaction, card)


def state_of(job: StoredJob) -> str:
    """Describe a job's state."""
    return {
        "queued": _("queued"),
        "running": _("running"),
        "rendered": _("painted"),
        "delivered": _("painted"),
        "failed": _("failed"),
        "cancelled": _("cancelled"),
    }[job.state]


def is_called(job: StoredJob, wanted: str) -> bool:
    """Whether a job's id starts with what a moderator typed, or its prompt, if shown, has it."""
    prompt = "" if job.place.private else job.request.prompt.casefold()
    return wanted in prompt or job.id.startswith(wanted)


def choice_name(job: StoredJob) -> str:
    """Return a job's name in autocompletion."""
    start = f"{state_of(job)} · {job.id[:8]} · "
    prompt = _("private") if job.place.private else one_line(job.request.prompt)
    room = CHOICE_LENGTH - len(start)
    return start + (prompt if len(prompt) <= room else f"{prompt[: room - 1]}…")


def job_line(job: StoredJob, result: JobMessage | None) -> str:
    """Describe a job: its user, state, time, message and prompt, unless it is private.

    Another person's direct message has no link.
    """
    kind = "" if job.time_lapse_of is None else f" · {_('time-lapse')}"
    removed = "" if job.removed_at is None else f" · {_('message deleted')}"
    link = link_to(None if result is None or result.guild_id is None else result)
    return (
        f"<@{job.person}> · {state_of(job)}{kind} · {timestamp(job.created_at, 'R')}"
        f"{removed}{link}\n"
        f"`{job.id[:8]}` {_('private') if job.place.private else shown_prompt(job.request, 120)}"
    )


def restriction_line(each: Restriction) -> str:
    """Describe a ban or limit: for which user, by which moderator, since when."""
    what = _("banned") if each.kind == "ban" else _("limited")
    terms = terms_of(each)
    return f"{who(each.person)} · {what}{f': {terms}' if terms else ''} · " + _(
        "by {moderator} {when}", moderator=who(each.moderator), when=timestamp(each.created_at, "R")
    )
