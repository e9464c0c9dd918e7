"""/gallery: the pictures of a server, in the channels that the member can see."""

from __future__ import annotations

from typing import Any, Literal

import discord
from discord import app_commands

from bot.client import ImageBot
from bot.delivery.results import is_hidden
from bot.errors import Guarded, MissingRightError
from bot.language import _
from bot.language.formatting import link_to, shown_prompt
from bot.media.job_thumbnail import job_thumbnail
from bot.requests.audience import visible_channels
from bot.ui.card import Card, show
from bot.ui.feature import Feature
from bot.ui.from_custom_id import FromCustomId
from data.jobs.messages import JobMessage
from data.stars import Shown

PAGE = 9  # Discord shows up to ten pictures together
_WORDS = 80
Order = Literal["newest", "starred"]


class GalleryButton(
    FromCustomId,
    discord.ui.DynamicItem[discord.ui.Button[Any]],
    template=r"imagine:gallery:(?P<turn>[bas])(?P<at>[0-9]{1,15})",
):
    """Turns to a page, as far as the member who presses can see it.

    ``turn`` is "b" for pictures before the number ``at`` and "a" for those after it; "s" for the
    most starred ones, from the place ``at``.
    """

    def __init__(self, turn: str, at: int | str, label: str = "") -> None:
        self.turn, self.at = turn, int(at)
        super().__init__(
            discord.ui.Button(label=label or _("Page"), custom_id=f"imagine:gallery:{turn}{at}")
        )

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Replace this page with the chosen one."""
        async with Guarded(interaction, "/gallery"):
            await interaction.response.defer()
            await show(interaction, await page_of(interaction, self.turn, self.at))


class Gallery(Feature):
    """The command."""

    bot: ImageBot

    buttons = (GalleryButton,)

    @app_commands.command(description="Show the pictures of this server")
    @app_commands.describe(order="The newest first, or those with the most stars")
    @app_commands.allowed_contexts(guilds=True, dms=False, private_channels=False)
    async def gallery(self, interaction: discord.Interaction[Any], order: Order = "newest") -> None:
        """Show the first page to the member alone."""
        async with Guarded(interaction, "/gallery"):
            await interaction.response.defer(ephemeral=True, thinking=True)
            turn, at = ("s", 0) if order == "starred" else ("b", _NEWEST)
            await show(interaction, await page_of(interaction, turn, at))


_NEWEST = 10**15 - 1


async def page_of(interaction: discord.Interaction[Any], turn: str, at: int) -> Card:
    """Return a page with its pictures; raises MissingRightError outside servers."""
    if interaction.guild_id is None:
        raise MissingRightError(_("Use this command in a server."))
    bot: ImageBot = interaction.client
    stars, channels = bot.store.stars, visible_channels(interaction)
    if turn == "s":
        shown = await stars.most_starred(str(interaction.guild_id), channels, at, PAGE + 1)
    elif turn == "b":
        shown = await stars.newest(channels, PAGE + 1, before=at)
    else:
        shown = await stars.newest(channels, PAGE, after=at)
    page = (await _there(bot, shown))[:PAGE]
    if not page:
        card = Card()
        card.text(_nothing(turn, at))
    else:
        card = Card(_("Most starred pictures") if turn == "s" else _("Newest pictures"))
        pictures, lines = [], []
        rules = await bot.guild_settings.rules(str(interaction.guild_id))
        for each, message in page:
            lines.append(f"{_line(each)}{link_to(message)}")
            file = await job_thumbnail(bot.store, each.job)
            if file is not None:
                pictures.append((file, await is_hidden(bot.store, each.job, rules)))
        card.pictures(pictures)
        card.entries(lines)
    card.buttons(*_turning(turn, at, [each for each, _message in page], more=len(shown) > PAGE))
    return card


async def _there(bot: ImageBot, shown: list[Shown]) -> list[tuple[Shown, JobMessage]]:
    """Those whose message was not deleted while the bot was not connected, with the message."""
    results = await bot.store.messages.results_of([each.job.id for each in shown])
    found = []
    for each in shown:
        message = results.get(each.job.id)
        if message is not None and await bot.deletions.is_there(message):
            found.append((each, message))
    return found


def _turning(turn: str, at: int, page: list[Shown], *, more: bool) -> list[GalleryButton]:
    if turn == "s":
        row = [GalleryButton("s", max(0, at - PAGE), _("Back"))] if at else []
        return [*row, GalleryButton("s", at + PAGE, _("Next"))] if more else row
    row = []
    if page and (turn == "a" or at != _NEWEST):
        row.append(GalleryButton("a", page[0].sequence, _("Newer")))
    if not page and at != _NEWEST:
        row.append(GalleryButton("b", _NEWEST, _("Newest")))
    if page and (more or turn == "a"):
        row.append(GalleryButton("b", page[-1].sequence, _("Older")))
    return row


def _nothing(turn: str, at: int) -> str:
    if turn == "s" and at == 0:
        return _("No picture that you can see here has stars yet.")
    if at in (0, _NEWEST):
        return _("The channels that you can see have no pictures yet. Use /imagine to paint one.")
    return _("There are no more pictures.")


def _line(shown: Shown) -> str:
    stars = f"⭐ {shown.stars} · " if shown.stars else ""
    when = f"<t:{shown.job.created_at // 1000}:R>"
    return f"- {stars}{shown_prompt(shown.job.request, _WORDS)} · {when}"


async def setup(bot: ImageBot) -> None:
    """Add the cog; discord.py calls this when it loads the extension."""
    await bot.add_cog(Gallery(bot))
