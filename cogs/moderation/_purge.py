"""/mod purge: preview how many pictures of a member would be removed, then remove them."""

from __future__ import annotations

from typing import Any

import discord

from bot.client import ImageBot
from bot.errors import GoneError, Guarded, MissingRightError
from bot.language import _, plural
from bot.requests.rights import check_moderates_server
from bot.ui.answers import defer
from bot.ui.card import NOBODY
from bot.ui.from_custom_id import FromCustomId
from cogs.moderation._lists import say


class PurgeButton(
    FromCustomId,
    discord.ui.DynamicItem[discord.ui.Button[Any]],
    template=r"imagine:purge:(?P<answer>yes|no):(?P<id>[0-9a-f]{32})",
):
    """Confirms or declines a purge; only the moderator who asked for it can."""

    def __init__(self, answer: str, id: str, label: str = "") -> None:
        yes = answer == "yes"
        super().__init__(
            discord.ui.Button(
                label=label or (_("Remove") if yes else _("Keep them")),
                style=discord.ButtonStyle.danger if yes else discord.ButtonStyle.secondary,
                custom_id=f"imagine:purge:{answer}:{id}",
            )
        )
        self.answer, self.purge_id = answer, id

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Begin the purge, or drop it."""
        async with Guarded(interaction, "/mod purge"):
            if interaction.guild_id is None:
                raise MissingRightError(
                    _("You need Manage Messages in the whole server to do that.")
                )
            guild_id = check_moderates_server(interaction)
            await defer(interaction)
            bot: ImageBot = interaction.client
            purge = await bot.store.purges.asked(self.purge_id)
            if (
                purge is None
                or purge.guild_id != guild_id
                or purge.moderator != str(interaction.user.id)
            ):
                raise GoneError(_("That was confirmed or dropped before. Use /mod purge again."))
            if self.answer == "no":
                await bot.store.purges.end(purge.id)
                await say(interaction, _("Nothing was removed."))
                return
            rules = await bot.guild_settings.rules(guild_id)
            channel_id = rules.value("log_channel") or str(interaction.channel_id)
            await bot.purges.begin(purge, channel_id)
            await say(
                interaction,
                _("I'm removing them. <#{channel}> shows the progress.", channel=channel_id),
            )


async def show_preview(
    interaction: discord.Interaction[Any],
    person: discord.User | discord.Member,
    since: int | None,
    reason: str | None,
) -> None:
    """Answer a deferred interaction with the number of pictures, and ask."""
    bot: ImageBot = interaction.client
    purge = await bot.store.purges.ask(
        str(interaction.guild_id), str(person.id), str(interaction.user.id), since, reason
    )
    count = await bot.store.purges.count(purge)
    if not count:
        await bot.store.purges.end(purge.id)
        await say(interaction, _("{person} has no pictures here.", person=person.mention))
        return
    view = discord.ui.View(timeout=None)
    view.add_item(PurgeButton("yes", purge.id, _("Remove {number}", number=count)))
    view.add_item(PurgeButton("no", purge.id))
    text = plural(
        "This removes {number} picture by {person} in this server, with its messages and "
        "time-lapses, also if it is waiting or was kept. It can't be undone.",
        "This removes {number} pictures by {person} in this server, with their messages and "
        "time-lapses, also those that are waiting or were kept. It can't be undone.",
        count,
        person=person.mention,
    )
    await interaction.edit_original_response(content=text, view=view, allowed_mentions=NOBODY)
    view.stop()
