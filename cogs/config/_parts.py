"""Shared by all /config commands: checking the right, autocompletion, changing a setting."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import discord
from discord import app_commands

from bot.client import ImageBot
from bot.errors import Guarded, MissingRightError, SettingError, SlowError
from bot.guild.definitions import DEFINITIONS
from bot.language import _
from bot.language.commands import command_link
from bot.language.formatting import escape
from bot.permissions import server_permissions
from bot.ui.answers import in_time
from bot.ui.autocomplete import choices
from bot.ui.card import Card, show

LONGEST_LIST, LONGEST_ENTRY = 1800, 100  # characters; a longer list is sent as a file


def manages(interaction: discord.Interaction[Any]) -> bool:
    """Whether the user has Manage Server."""
    permissions = server_permissions(interaction.user)
    return interaction.guild_id is not None and (
        permissions.administrator or permissions.manage_guild
    )


def managed_guild(interaction: discord.Interaction[Any]) -> str:
    """Return the server's id; raises MissingRightError if the user lacks Manage Server.

    Discord checks that right too, but a server's own settings can give the command to anyone.
    """
    if interaction.guild_id is None:
        raise MissingRightError(_("Settings belong to a server. Use /config in one."))
    if not manages(interaction):
        raise MissingRightError(_("You need Manage Server to see or change settings."))
    return str(interaction.guild_id)


async def defer_for_manager(interaction: discord.Interaction[Any]) -> str:
    """Check the same, and acknowledge: the answer takes more than three seconds."""
    guild_id = managed_guild(interaction)
    if not interaction.response.is_done():
        await interaction.response.defer(ephemeral=True, thinking=True)
    return guild_id


async def change_one(
    interaction: discord.Interaction[Any], name: str, changed: Callable[[Any], Any]
) -> None:
    """Set a setting to ``changed(current value)``, and tell the user the new value."""
    async with Guarded(interaction, "/config"):
        guild_id = await defer_for_manager(interaction)
        bot: ImageBot = interaction.client
        definition, known = DEFINITIONS[name], bot.guild_settings
        changes = await known.change(
            guild_id,
            str(interaction.user.id),
            lambda rules: {name: changed(rules.stored.get(name))},
        )
        rules = await known.rules(guild_id)
        source = {"server": _("server"), "host": _("host"), "built in": _("built in")}[
            rules.source(name)
        ]
        value = definition.shown(rules.value(name))
        text = (
            _("{name} is now {value} ({source}).", name=name, value=value, source=source)
            if changes
            else _("{name} is already {value} ({source}).", name=name, value=value, source=source)
        )
        await interaction.edit_original_response(content=text)


def check_postable(interaction: discord.Interaction[Any], channel_id: str) -> None:
    """Raise SettingError unless it is a channel of this server that the bot can post in."""
    guild = interaction.guild
    channel = None if guild is None else guild.get_channel_or_thread(int(channel_id))
    if guild is None or not isinstance(channel, discord.TextChannel | discord.Thread):
        raise SettingError(_("Choose a text channel of this server that I can see."))
    rights = channel.permissions_for(guild.me)
    if not (rights.view_channel and rights.send_messages and rights.embed_links):
        raise SettingError(
            _(
                "I can't post in {channel}. Give me View Channel, Send Messages and Embed Links "
                "there, then try again.",
                channel=channel.mention,
            )
        )


def without(items: Any, item: str) -> list[str]:
    """Return the list without one of its items."""
    return [each for each in items or () if each != item]


def without_key(table: Any, key: str) -> dict[str, Any]:
    """The table without one of its keys."""
    return {each: value for each, value in (table or {}).items() if each != key}


def check_listed(items: Any, entry: str, group: str) -> None:
    """Raise SettingError unless the list or table ``items`` has ``entry``."""
    if entry not in (items or ()):
        raise SettingError(
            _(
                '"{entry}" isn\'t on the list. Check {command}.',
                entry=escape(entry, 50),
                command=command_link(f"config {group} list"),
            )
        )


def offer(
    interaction: discord.Interaction[Any], values: list[str], typed: str
) -> list[app_commands.Choice[str]]:
    """Return the choices that contain the typed text, if the user has Manage Server."""
    return choices(values, typed) if manages(interaction) else []


async def offer_listed(
    interaction: discord.Interaction[Any], setting: str, typed: str
) -> list[app_commands.Choice[str]]:
    """Return :func:`offer` for the items of the server's list ``setting``."""
    bot: ImageBot = interaction.client
    try:
        rules = await in_time(bot.guild_settings.rules(str(interaction.guild_id)))
    except SlowError:
        return []
    return offer(interaction, list(rules.items(setting)), typed)


@dataclass(frozen=True)
class Entry:
    """An entry of a list, which may offend: shown behind a spoiler, with ``details`` after it."""

    text: str
    details: str = ""


async def show_entries(
    interaction: discord.Interaction[Any],
    entries: list[Entry],
    *,
    nothing: str,
    count: str,
    file: str,
) -> None:
    """Answer with the entries under ``count``, or with ``nothing`` if there are none.

    A list that is too long for a message is sent as the file named ``file``.
    """
    text = "\n".join(f"||{escape(entry.text, LONGEST_ENTRY)}||{entry.details}" for entry in entries)
    if len(text) > LONGEST_LIST:
        await send_file(
            interaction, count, file, "".join(f"{entry.text}{entry.details}\n" for entry in entries)
        )
    elif text:
        card = Card(count)
        card.text(text)
        await show(interaction, card)
    else:
        await interaction.edit_original_response(content=nothing)


async def send_file(
    interaction: discord.Interaction[Any], content: str, name: str, text: str
) -> None:
    """Answer with a text as a file."""
    await interaction.edit_original_response(
        content=content, attachments=[discord.File(io.BytesIO(text.encode("utf-8")), filename=name)]
    )
