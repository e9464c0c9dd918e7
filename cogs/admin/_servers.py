"""/admin servers: where the bot is, leaving a server, and servers that can't have it."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands

from bot.client import ImageBot
from bot.errors import GoneError, Guarded, SettingError
from bot.language import _, plural
from bot.language.formatting import escape
from bot.ui.autocomplete import CHOICE_LENGTH, MAX_CHOICES
from bot.ui.card import Card, show
from cogs.admin._host import defer_for_host

_SHOWN = 30
Server = app_commands.Range[str, 15, 20]
Choices = list[app_commands.Choice[str]]  # within the class, list is the command


class Servers(app_commands.Group):
    """The servers that the bot is in, and those that it must not be in."""

    def __init__(self) -> None:
        super().__init__(name="servers", description="The servers that the bot is in")

    @app_commands.command(description="Show the servers that the bot is in, and the denied ones")
    async def list(self, interaction: discord.Interaction[Any]) -> None:
        """Show names and IDs, the largest server first."""
        async with Guarded(interaction, "/admin servers list"):
            await defer_for_host(interaction)
            bot: ImageBot = interaction.client
            known = sorted(bot.guilds, key=lambda guild: -(guild.member_count or 0))
            card = Card(_("Servers"))
            lines = [f"- {escape(guild.name, 60)} · `{guild.id}`" for guild in known[:_SHOWN]]
            if len(known) > _SHOWN:
                lines.append(
                    plural(
                        "- and {number} other server",
                        "- and {number} other servers",
                        len(known) - _SHOWN,
                    )
                )
            denied = sorted(await bot.store.denied_servers.all())
            if denied:
                ids = ", ".join(f"`{id}`" for id in denied[:_SHOWN])
                lines.append(_("Denied: {servers}", servers=ids))
            card.entries(lines or [_("I'm in no server.")])
            await show(interaction, card)

    @app_commands.command(description="Leave a server; it can invite the bot again")
    @app_commands.describe(server="The server, or its ID")
    async def leave(self, interaction: discord.Interaction[Any], server: Server) -> None:
        """Leave; what is stored about the server is deleted after 30 days."""
        async with Guarded(interaction, "/admin servers leave"):
            await defer_for_host(interaction)
            bot: ImageBot = interaction.client
            guild = await _guild(bot, _server_id(server))
            if guild is None:
                raise GoneError(_("I'm not in that server."))
            name = escape(guild.name, 60)
            await guild.leave()
            await interaction.edit_original_response(content=_("I left {server}.", server=name))

    @app_commands.command(description="Leave a server now, and whenever it invites the bot again")
    @app_commands.describe(server="The server, or its ID")
    async def deny(self, interaction: discord.Interaction[Any], server: Server) -> None:
        """Put a server on the list, and leave it if the bot is there."""
        async with Guarded(interaction, "/admin servers deny"):
            await defer_for_host(interaction)
            bot: ImageBot = interaction.client
            id = _server_id(server)
            await bot.store.denied_servers.add(str(id))
            guild = await _guild(bot, id)
            if guild is not None:
                await guild.leave()
            await interaction.edit_original_response(
                content=_("The server {server} can't have me any more.", server=f"`{id}`")
            )

    @app_commands.command(description="Take a server off the list of denied servers")
    @app_commands.describe(server="The server's ID")
    async def allow(self, interaction: discord.Interaction[Any], server: Server) -> None:
        """Remove a server from the list; somebody there has to invite the bot again."""
        async with Guarded(interaction, "/admin servers allow"):
            await defer_for_host(interaction)
            bot: ImageBot = interaction.client
            id = _server_id(server)
            text = (
                _("The server {server} can invite me again.", server=f"`{id}`")
                if await bot.store.denied_servers.remove(str(id))
                else _("The server {server} isn't denied.", server=f"`{id}`")
            )
            await interaction.edit_original_response(content=text)

    @leave.autocomplete("server")
    @deny.autocomplete("server")
    async def _known(self, interaction: discord.Interaction[Any], typed: str) -> Choices:
        bot: ImageBot = interaction.client
        if interaction.user.id not in {bot.owner_id, *(bot.owner_ids or ())}:
            return []  # names of servers are the host's business
        wanted = typed.casefold().strip()
        return [
            app_commands.Choice(name=guild.name[:CHOICE_LENGTH], value=str(guild.id))
            for guild in bot.guilds
            if wanted in guild.name.casefold() or str(guild.id).startswith(wanted)
        ][:MAX_CHOICES]


async def _guild(bot: ImageBot, id: int) -> discord.Guild | None:
    """Return the server if the bot is in it, also if its events come to another process."""
    if bot.hears(id):
        return bot.get_guild(id)
    try:
        return await bot.fetch_guild(id, with_counts=False)
    except (discord.NotFound, discord.Forbidden):
        return None


def _server_id(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise SettingError(_("Choose a server from the list, or enter its ID."))
    return int(text)
