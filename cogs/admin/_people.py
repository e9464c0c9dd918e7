"""/admin people: people banned by the host everywhere, also in direct messages."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands

from bot.client import ImageBot
from bot.errors import Guarded, MissingRightError
from bot.language import _, plural
from bot.requests.restrictions import parse_duration, timestamp
from bot.ui.card import Card, show
from cogs.admin._host import defer_for_host
from data.people import HOST, Restriction
from engine.clock import now_ms

_SHOWN = 30


class People(app_commands.Group):
    """The host's own bans; a server's bans are its moderators'."""

    def __init__(self) -> None:
        super().__init__(name="people", description="People who can't use the bot anywhere")

    @app_commands.command(description="Ban someone in all servers and direct messages")
    @app_commands.describe(
        person="The person", duration="How long, like 12h, 7d or 2w; leave it empty for permanent"
    )
    async def ban(
        self,
        interaction: discord.Interaction[Any],
        person: discord.User,
        duration: app_commands.Range[str, 1, 40] | None = None,
    ) -> None:
        """Ban a user everywhere; jobs they queued earlier continue."""
        async with Guarded(interaction, "/admin people ban"):
            await defer_for_host(interaction)
            bot: ImageBot = interaction.client
            if person.bot or await bot.is_owner(person):
                raise MissingRightError(_("You can't ban the host or a bot."))
            until = None if duration is None else now_ms() + parse_duration(duration) * 1000
            await bot.people.restrict(
                Restriction(
                    HOST,
                    str(person.id),
                    "ban",
                    moderator=str(interaction.user.id),
                    expires_at=until,
                )
            )
            text = (
                _("{person} can't use the bot anywhere.", person=person.mention)
                if until is None
                else _(
                    "{person} can't use the bot anywhere until {when}.",
                    person=person.mention,
                    when=timestamp(until),
                )
            )
            await _say(interaction, text)

    @app_commands.command(description="Lift someone's ban")
    @app_commands.describe(person="The person")
    async def unban(self, interaction: discord.Interaction[Any], person: discord.User) -> None:
        """Lift the host's ban; bans of servers stay."""
        async with Guarded(interaction, "/admin people unban"):
            await defer_for_host(interaction)
            bot: ImageBot = interaction.client
            lifted = await bot.people.lift(HOST, str(person.id), "ban", str(interaction.user.id))
            text = (
                _("{person} can use the bot again.", person=person.mention)
                if lifted
                else _("{person} isn't banned.", person=person.mention)
            )
            await _say(interaction, text)

    @app_commands.command(description="Show who is banned everywhere")
    async def list(self, interaction: discord.Interaction[Any]) -> None:
        """Show the newest bans first."""
        async with Guarded(interaction, "/admin people list"):
            await defer_for_host(interaction)
            bot: ImageBot = interaction.client
            found = await bot.people.restrictions_in(HOST)
            lines = [
                f"- <@{each.person}>"
                + ("" if each.expires_at is None else f" · {timestamp(each.expires_at)}")
                for each in found[:_SHOWN]
                if each.person.isdigit()
            ]
            if len(lines) < len(found):
                lines.append(
                    plural(
                        "- and {number} other person",
                        "- and {number} other people",
                        len(found) - len(lines),
                    )
                )
            if not lines:
                await _say(interaction, _("Nobody is banned everywhere."))
                return
            card = Card(_("Banned everywhere"))
            card.entries(lines)
            await show(interaction, card)


async def _say(interaction: discord.Interaction[Any], text: str) -> None:
    await interaction.edit_original_response(
        content=text, allowed_mentions=discord.AllowedMentions.none()
    )
