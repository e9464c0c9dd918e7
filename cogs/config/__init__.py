"""/config: a server's settings, set by its managers. bot.guild.definitions has their table."""

from __future__ import annotations

import asyncio
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import ImageBot
from bot.errors import Guarded, SettingError
from bot.guild.definitions import DEFINITIONS, Definition, definition_of
from bot.guild.setting_kinds import Channel
from bot.guild.transfer import MAX_BYTES, export_text, read_file, wanted_values
from bot.host.models import model_names
from bot.language import _, plural
from bot.language.commands import command_link
from bot.ui.card import show
from cogs.config._concepts import ConceptList
from cogs.config._lists import Channels, Roles, Words
from cogs.config._panel import LOG_PAGE, log_page, panel
from cogs.config._parts import (
    change_one,
    check_postable,
    defer_for_manager,
    managed_guild,
    offer,
    send_file,
)

Name = app_commands.Range[str, 1, 40]


@app_commands.default_permissions(manage_guild=True)
# guild_only() alone would keep the tree's setting for direct messages.
@app_commands.allowed_contexts(guilds=True, dms=False, private_channels=False)
class Config(
    commands.GroupCog,
    group_name="config",
    group_description="See and change this server's settings",
):
    """The commands; the gate applies the settings to every request."""

    channels, roles, words, concepts = Channels(), Roles(), Words(), ConceptList()

    def __init__(self, bot: ImageBot) -> None:
        self.bot = bot

    @app_commands.command(description="Show every setting, its value and where it comes from")
    async def show(self, interaction: discord.Interaction[Any]) -> None:
        """Show the panel to the user alone."""
        async with Guarded(interaction, "/config show"):
            guild_id = await defer_for_manager(interaction)
            rules = await self.bot.guild_settings.rules(guild_id)
            await interaction.edit_original_response(view=panel(rules))

    @app_commands.command(description="Change a setting")
    @app_commands.describe(name="The setting", value="The new value")
    async def set(
        self,
        interaction: discord.Interaction[Any],
        name: Name,
        value: app_commands.Range[str, 1, 100],
    ) -> None:
        """Check the value against the host's limits, and store it."""
        async with Guarded(interaction, "/config set"):
            managed_guild(interaction)
            definition = definition_of(name)
            if not definition.kind.typed:
                raise SettingError(
                    _(
                        "{name} has its own command: {command}.",
                        name=definition.name,
                        command=command_link(f"config {_command_of(definition)}"),
                    )
                )
            await interaction.response.defer(ephemeral=True, thinking=True)
            read = await self.bot.guild_settings.read(definition.name, value)
            if isinstance(definition.kind, Channel):
                check_postable(interaction, read)
            await change_one(interaction, definition.name, lambda before: read)

    @app_commands.command(description="Reset a setting to its default")
    @app_commands.describe(name="The setting")
    async def reset(self, interaction: discord.Interaction[Any], name: Name) -> None:
        """Remove the server's own value."""
        async with Guarded(interaction, "/config reset"):
            managed_guild(interaction)
            await change_one(interaction, definition_of(name).name, lambda before: None)

    @set.autocomplete("name")
    async def _typed(
        self, interaction: discord.Interaction[Any], typed: str
    ) -> list[app_commands.Choice[str]]:
        return offer(
            interaction,
            [name for name, definition in DEFINITIONS.items() if definition.kind.typed],
            typed,
        )

    @reset.autocomplete("name")
    async def _all(
        self, interaction: discord.Interaction[Any], typed: str
    ) -> list[app_commands.Choice[str]]:
        return offer(interaction, list(DEFINITIONS), typed)

    @set.autocomplete("value")
    async def _values(
        self, interaction: discord.Interaction[Any], typed: str
    ) -> list[app_commands.Choice[str]]:
        name = str(getattr(interaction.namespace, "name", "")).strip().lower()
        if name not in DEFINITIONS:
            return []
        if name == "model":
            return offer(interaction, await model_names(), typed)
        choices = await asyncio.to_thread(DEFINITIONS[name].kind.choices, self.bot.settings)
        return offer(interaction, choices, typed)

    @app_commands.command(description="Show who changed what, and when")
    @app_commands.describe(page="Page number; page 1 has the newest changes")
    async def log(
        self, interaction: discord.Interaction[Any], page: app_commands.Range[int, 1, 10_000] = 1
    ) -> None:
        """Show one page to the user alone."""
        async with Guarded(interaction, "/config log"):
            guild_id = await defer_for_manager(interaction)
            changes = await self.bot.guild_settings.log(
                guild_id, limit=LOG_PAGE + 1, offset=(page - 1) * LOG_PAGE
            )
            await show(interaction, log_page(changes, page))

    @app_commands.command(
        description="Export the settings as a file, for a backup or another server"
    )
    async def export(self, interaction: discord.Interaction[Any]) -> None:
        """Send the file to the user alone."""
        async with Guarded(interaction, "/config export"):
            guild_id = await defer_for_manager(interaction)
            settings = await self.bot.guild_settings.export(guild_id)
            await send_file(
                interaction,
                plural(
                    "Exported {number} setting. Use /config import to load the file.",
                    "Exported {number} settings. Use /config import to load the file.",
                    len(settings),
                ),
                "imagine-bot-settings.json",
                export_text(guild_id, settings),
            )

    @app_commands.command(
        name="import", description="Replace all settings with those in an exported file"
    )
    @app_commands.describe(file="A file from /config export")
    async def import_(
        self, interaction: discord.Interaction[Any], file: discord.Attachment
    ) -> None:
        """Check the whole file, then change what differs; settings that it omits are reset."""
        async with Guarded(interaction, "/config import"):
            guild_id = await defer_for_manager(interaction)
            data = await self.bot.attachments.file(file.url, MAX_BYTES)
            wanted = wanted_values(guild_id, *await asyncio.to_thread(read_file, data))
            changes = await self.bot.guild_settings.change(
                guild_id, str(interaction.user.id), lambda rules: wanted.values
            )
            text = plural("{number} setting changed.", "{number} settings changed.", len(changes))
            if wanted.left_out:
                text += " " + _(
                    "The file's channels and roles belong to another server, so I left "
                    "these unchanged: {names}.",
                    names=", ".join(wanted.left_out),
                )
            await interaction.edit_original_response(content=text)


def _command_of(definition: Definition) -> str:
    first = definition.name.split("_", maxsplit=1)[0]
    return {
        "channels": "channels allow",
        "roles": "roles allow",
        "jobs": "roles daily",
        "share": "roles share",
        "concepts": "concepts add",
    }.get(first, "words add")


async def setup(bot: ImageBot) -> None:
    """Add the cog; discord.py calls this when it loads the extension."""
    await bot.add_cog(Config(bot))
