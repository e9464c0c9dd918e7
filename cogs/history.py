"""/history: a user's own pictures, newest first, shown to them alone."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import discord
from discord import app_commands

from bot.client import ImageBot
from bot.delivery.messages import FINISHED
from bot.errors import Guarded
from bot.language import _
from bot.language.formatting import alt_text, link_to, shown_prompt
from bot.media.resize import thumbnail
from bot.ui.feature import Feature
from bot.ui.from_custom_id import FromCustomId
from data.jobs.messages import JobMessage
from data.jobs.stored import StoredJob

# Eleven components per picture: three pictures, separators and paging take 39 of Discord's 40.
PAGE = 3
PROMPT_LENGTH = 300


class PageButton(
    FromCustomId,
    discord.ui.DynamicItem[discord.ui.Button[Any]],
    template=r"imagine:history:(?P<page>[0-9]{1,6})",
):
    """Turns to a page. It checks no owner: everyone sees their own pictures."""

    def __init__(self, page: int | str, label: str = "", disabled: bool = False) -> None:
        self.page = int(page)
        super().__init__(
            discord.ui.Button(
                label=label or _("Page"),
                disabled=disabled,
                custom_id=f"imagine:history:{self.page}",
            )
        )

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Replace this page with the chosen one."""
        async with Guarded(interaction, "/history"):
            await interaction.response.defer()
            view, files = await page_of(interaction.client, str(interaction.user.id), self.page)
            await interaction.edit_original_response(view=view, attachments=files)


class History(Feature):
    """The command."""

    bot: ImageBot

    buttons = (PageButton,)

    @app_commands.command(description="Show your pictures, newest first")
    async def history(self, interaction: discord.Interaction[Any]) -> None:
        """Show the first page to the user alone."""
        async with Guarded(interaction, "/history"):
            await interaction.response.defer(ephemeral=True, thinking=True)
            view, files = await page_of(self.bot, str(interaction.user.id), 0)
            await interaction.edit_original_response(view=view, attachments=files)


async def page_of(
    bot: ImageBot, person: str, page: int
) -> tuple[discord.ui.LayoutView, list[discord.File]]:
    """Return a page of the user's pictures, counted from 0, and its thumbnails."""
    count = await bot.store.count_history(person, guild_id=None)
    pages = max(1, -(-count // PAGE))
    page = min(page, pages - 1)
    jobs = await bot.store.history(person, guild_id=None, offset=page * PAGE, limit=PAGE)
    view, files = discord.ui.LayoutView(timeout=None), []
    if not jobs:
        view.add_item(
            discord.ui.TextDisplay(_("You have no pictures yet. Use /imagine to paint one."))
        )
        return view, []
    view.add_item(
        discord.ui.TextDisplay(
            _(
                "## Your pictures\n-# Page {page} of {pages}, {count} in total",
                page=page + 1,
                pages=pages,
                count=count,
            )
        )
    )
    ids = [job.id for job in jobs]
    kept = await bot.store.quota.kept_among(ids)
    results = await bot.store.messages.results_of(ids)
    there = [await bot.deletions.is_there(message) for message in results.values()]
    if not all(there):  # deleted while the bot was not connected, and known from now on
        return await page_of(bot, person, page)
    for i, job in enumerate(jobs):
        if i:
            view.add_item(discord.ui.Separator())
        text = _text(job, job.id in kept, results.get(job.id))
        data = await bot.store.picture(job.id)
        small = None if data is None else await asyncio.to_thread(thumbnail, data)
        if small is None:
            view.add_item(discord.ui.TextDisplay(text))
        else:
            name = f"{job.id}.webp"
            alt = alt_text(job.request, (job.result or {}).get("notices", ()))
            files.append(discord.File(io.BytesIO(small), filename=name, description=alt))
            view.add_item(
                discord.ui.Section(
                    text, accessory=discord.ui.Thumbnail(f"attachment://{name}", description=alt)
                )
            )
        for place in sorted({button.place for button in FINISHED}):
            view.add_item(
                discord.ui.ActionRow(
                    *(button(job.id) for button in FINISHED if button.place == place)
                )
            )
    view.add_item(
        discord.ui.ActionRow(
            PageButton(max(0, page - 1), _("Newer"), disabled=page == 0),
            PageButton(page + 1, _("Older"), disabled=page + 1 >= pages),
        )
    )
    return view, files


def _text(job: StoredJob, kept: bool, result: JobMessage | None) -> str:
    parts = [_("seed {seed}", seed=job.seed), f"<t:{job.created_at // 1000}:R>"]
    if kept:
        parts.append(_("kept"))
    if job.place.private:
        parts.append(_("private"))
    if job.removed_at is not None:
        parts.append(_("its message was deleted"))
    details = " · ".join(parts)
    return f"{shown_prompt(job.request, PROMPT_LENGTH)}\n-# {details}{link_to(result)}"


async def setup(bot: ImageBot) -> None:
    """Add the cog; discord.py calls this when it loads the extension."""
    await bot.add_cog(History(bot))
