"""The tree of a picture: what it was made from, and what was made from it, as one picture."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import discord

from bot.language import _, mark, plural
from bot.language.formatting import ALT_LENGTH, link_to, one_line, shown_prompt
from bot.language.relations import relation
from bot.media.main_colour import main_colour
from bot.media.resize import thumbnail
from bot.media.tree_picture import Node, tree_picture
from bot.requests.rights import may_see
from bot.ui.card import COLOUR, Card, show
from bot.ui.job_button import ButtonBot, JobButton
from data.jobs.stored import StoredJob

MOST = 24
_NAME = "tree.png"
_WORDS = 60  # characters of each prompt


class LineageButton(JobButton):
    """Shows the tree to the user who presses."""

    action, label = "lineage", mark("Lineage")

    async def act(
        self, interaction: discord.Interaction[Any], bot: ButtonBot, job: StoredJob
    ) -> None:
        """Answer with the tree."""
        await show(interaction, await lineage_of(interaction, bot, job))


async def lineage_of(interaction: discord.Interaction[Any], bot: ButtonBot, job: StoredJob) -> Card:
    """Return the tree of a job that the user may see, as a picture and as a list with links.

    Pictures that the user may not see are left blank, without words.
    """
    jobs = await bot.store.lineage.tree(job, MOST)
    numbers = {each.id: i for i, each in enumerate(jobs)}
    by_id = {each.id: each for each in jobs}
    results = await bot.store.messages.results_of(list(numbers))
    nodes, lines, alts, colour = [], [], [], COLOUR
    for i, each in enumerate(jobs):
        parent = by_id.get(each.parent or "")
        if parent is not None and numbers[parent.id] >= i:  # a circle, which a fault could make
            parent = None
        from_number = None if parent is None else numbers[parent.id]
        shown = may_see(interaction, each)
        data = await bot.store.picture(each.id) if shown and each.can_be_shown else None
        small = None if data is None else await asyncio.to_thread(thumbnail, data)
        if each.id == job.id:
            colour = await asyncio.to_thread(main_colour, small, COLOUR)
        hidden = each.place.spoiler or await bot.store.picture_checks.needs_spoiler(each.id)
        nodes.append(Node(from_number, small, hidden))
        what = "" if parent is None else f"{relation(each.request, parent.request)}: "
        origin = "" if from_number is None else f"← {from_number + 1} "
        words = shown_prompt(each.request, _WORDS) if shown else _("a picture that you can't see")
        link = link_to(results.get(each.id)) if shown else ""
        lines.append(f"**{i + 1}** {origin}{what}{words}{link}")
        said = one_line(each.request.prompt)[:_WORDS] if shown else words
        alts.append(f"{i + 1} {origin}{what}{said}")
    data = await asyncio.to_thread(tree_picture, nodes, numbers[job.id])
    number = plural("{number} picture", "{number} pictures", len(jobs))
    alt = f"{number}: {'; '.join(alts)}"[:ALT_LENGTH]
    card = Card(_("Lineage"), colour=colour)
    card.pictures([(discord.File(io.BytesIO(data), filename=_NAME, description=alt), False)])
    card.entries(lines)
    if len(jobs) == MOST:
        card.small(_("Only the nearest {number} are shown.", number=MOST))
    return card
