"""/history: a user's own pictures and favourites, newest first, shown to them alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import discord
from discord import app_commands
from discord.app_commands import Choice

from bot.client import ImageBot
from bot.delivery.messages import FINISHED
from bot.errors import Guarded
from bot.language import _, plural
from bot.language.formatting import escape, link_to, one_line, shown_prompt, steering_line
from bot.media.job_thumbnail import job_thumbnail
from bot.requests.rights import may_see
from bot.ui.autocomplete import offer_models
from bot.ui.buttons import FavouriteButton
from bot.ui.feature import Feature
from bot.ui.from_custom_id import FromCustomId
from data.jobs.history import KINDS, Kind, Search
from data.jobs.messages import JobMessage
from data.jobs.stored import StoredJob
from engine.clock import DAY_MS, now_ms

# Twelve components per picture: three pictures, the heading and paging are Discord's 40.
PAGE = 3
PROMPT_LENGTH, STEERING_LENGTH = 300, 250
MODEL_LENGTH, WORDS_LENGTH = 26, 40  # so that a search fits into a button's id
_KINDS: dict[str, Kind] = {kind[0]: kind for kind in KINDS}
_SINCE = {"day": 1, "week": 7, "month": 30, "year": 365}


@dataclass(frozen=True)
class Wanted:
    """A search as buttons carry it; ``days`` are those back from now, 0 for all."""

    kind: Kind = "all"
    days: int = 0
    model: str = ""
    words: str = ""

    @property
    def id(self) -> str:
        """The end of a button's id; "" for all pictures."""
        if self == Wanted():
            return ""
        return f":{self.kind[0]}{self.days}:{self.model}:{self.words}"

    @property
    def search(self) -> Search:
        """The same for the store."""
        since = now_ms() - self.days * DAY_MS if self.days else None
        return Search(self.words, self.kind, self.model or None, since)

    def __str__(self) -> str:
        """What is told about it."""
        kinds = {"painted": _("painted"), "edited": _("edited"), "favourites": _("favourites")}
        parts = [kinds[self.kind]] if self.kind in kinds else []
        parts += [_("with {words}", words=escape(self.words))] if self.words else []
        parts += [_("model {model}", model=escape(self.model))] if self.model else []
        if self.days:
            parts.append(plural("last {number} day", "last {number} days", self.days))
        return " · ".join(parts)


class PageButton(
    FromCustomId,
    discord.ui.DynamicItem[discord.ui.Button[Any]],
    template=(
        r"imagine:history:(?P<page>[0-9]{1,6})"
        r"(?::(?P<kind>[apef])(?P<days>[0-9]{1,3}):(?P<model>[^:]*):(?P<words>(?s:.*)))?"
    ),
):
    """Turns to a page. It checks no owner: everyone sees their own pictures."""

    def __init__(
        self,
        page: int | str,
        kind: str | None = None,
        days: int | str | None = None,
        model: str | None = None,
        words: str | None = None,
    ) -> None:
        self.page = int(page)
        self.wanted = Wanted(_KINDS[kind or "a"], int(days or 0), model or "", words or "")
        super().__init__(
            discord.ui.Button(
                label=_("Page"), custom_id=f"imagine:history:{self.page}{self.wanted.id}"
            )
        )

    @classmethod
    def to(cls, page: int, wanted: Wanted, label: str, *, disabled: bool) -> PageButton:
        """Return the button that turns to a page of what is wanted."""
        button = cls(page, wanted.kind[0], wanted.days, wanted.model, wanted.words)
        button.item.label, button.item.disabled = label, disabled
        return button

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Replace this page with the chosen one."""
        async with Guarded(interaction, "/history"):
            await interaction.response.defer()
            view, files = await page_of(interaction, self.page, self.wanted)
            await interaction.edit_original_response(view=view, attachments=files)


class History(Feature):
    """The command."""

    bot: ImageBot

    buttons = (PageButton,)

    @app_commands.command(description="Show your pictures, newest first")
    @app_commands.describe(
        words="Only pictures whose prompts have these words",
        kind="Only painted or edited pictures, or your favourites",
        model="Only pictures of this model",
        since="Only pictures of the last day, week, month or year",
    )
    @app_commands.choices(since=[Choice(name=name, value=days) for name, days in _SINCE.items()])
    @app_commands.autocomplete(model=offer_models)
    async def history(
        self,
        interaction: discord.Interaction[Any],
        words: app_commands.Range[str, 1, WORDS_LENGTH] | None = None,
        kind: Kind = "all",
        model: app_commands.Range[str, 1, MODEL_LENGTH] | None = None,
        since: int = 0,
    ) -> None:
        """Show the first page to the user alone."""
        async with Guarded(interaction, "/history"):
            await interaction.response.defer(ephemeral=True, thinking=True)
            wanted = Wanted(kind, since, (model or "").replace(":", ""), one_line(words or ""))
            view, files = await page_of(interaction, 0, wanted)
            await interaction.edit_original_response(view=view, attachments=files)


async def page_of(
    interaction: discord.Interaction[Any], page: int, wanted: Wanted
) -> tuple[discord.ui.LayoutView, list[discord.File]]:
    """Return a page of the user's pictures, counted from 0, and its thumbnails."""
    bot: ImageBot = interaction.client
    person, search = str(interaction.user.id), wanted.search
    jobs, count = await bot.store.history.page(person, search, offset=page * PAGE, limit=PAGE)
    pages = max(1, -(-count // PAGE))
    if page >= pages:  # some were deleted meanwhile
        return await page_of(interaction, pages - 1, wanted)
    view, files = discord.ui.LayoutView(timeout=None), []
    if not jobs:
        view.add_item(discord.ui.TextDisplay(_nothing(wanted)))
        return view, []
    heading = _(
        "## Your pictures\n-# Page {page} of {pages}, {count} in total",
        page=page + 1,
        pages=pages,
        count=count,
    )
    view.add_item(discord.ui.TextDisplay(f"{heading}{f' · {wanted}' if wanted.id else ''}"))
    ids = [job.id for job in jobs]
    kept = await bot.store.quota.kept_among(ids)
    favourites = await bot.store.history.favourites_among(person, ids)
    results = await bot.store.messages.results_of(ids)
    there = [await bot.deletions.is_there(message) for message in results.values()]
    if not all(there):  # deleted while the bot was not connected, and known from now on
        return await page_of(interaction, page, wanted)
    for job in jobs:
        if not may_see(interaction, job):  # a favourite in a channel that was closed
            text = _("A favourite of yours that you can't see any more")
            view.add_item(discord.ui.TextDisplay(text))
            view.add_item(discord.ui.ActionRow(FavouriteButton(job.id)))
            continue
        text = _text(job, job.id in kept, job.id in favourites, results.get(job.id))
        file = await job_thumbnail(bot.store, job)
        if file is None:
            view.add_item(discord.ui.TextDisplay(text))
        else:
            files.append(file)
            address = f"attachment://{file.filename}"
            picture = discord.ui.Thumbnail[Any](address, description=file.description)
            view.add_item(discord.ui.Section(text, accessory=picture))
        for place in sorted({button.place for button in FINISHED}):
            view.add_item(
                discord.ui.ActionRow(
                    *(button(job.id) for button in FINISHED if button.place == place)
                )
            )
    view.add_item(
        discord.ui.ActionRow(
            PageButton.to(max(0, page - 1), wanted, _("Newer"), disabled=page == 0),
            PageButton.to(page + 1, wanted, _("Older"), disabled=page + 1 >= pages),
        )
    )
    return view, files


def _nothing(wanted: Wanted) -> str:
    if not wanted.id:
        return _("You have no pictures yet. Use /imagine to paint one.")
    if wanted == Wanted("favourites"):
        return _("You have no favourites yet. Press Favourite under a picture.")
    return _(
        "You have no such pictures ({wanted}). Leave out some options of /history.",
        wanted=str(wanted),
    )


def _text(job: StoredJob, kept: bool, favourite: bool, result: JobMessage | None) -> str:
    parts = ["★"] if favourite else []
    parts += [_("seed {seed}", seed=job.seed), f"<t:{job.created_at // 1000}:R>"]
    if kept:
        parts.append(_("kept"))
    if job.place.private:
        parts.append(_("private"))
    if job.removed_at is not None:
        parts.append(_("its message was deleted"))
    if (job.result or {}).get("stopped"):
        parts.append(_("stopped early"))
    lines = [shown_prompt(job.request, PROMPT_LENGTH), f"-# {' · '.join(parts)}{link_to(result)}"]
    changed = steering_line(job.request, STEERING_LENGTH)
    return "\n".join([*lines, *([f"-# {changed}"] if changed else [])])


async def setup(bot: ImageBot) -> None:
    """Add the cog; discord.py calls this when it loads the extension."""
    await bot.add_cog(History(bot))
