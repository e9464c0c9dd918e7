"""What the bot must be allowed to do, and who counts as a moderator."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import discord

from bot.errors import MissingPermissionError, NotYoursError

SCOPES = ("bot", "applications.commands")
# Posting in a channel or thread, with a picture, and looking there for what was posted before.
NEEDED = discord.Permissions(
    view_channel=True, send_messages=True, send_messages_in_threads=True, attach_files=True,
    embed_links=True, read_message_history=True)
# As Discord's settings name them.
NAMES = {"view_channel": "View Channel", "send_messages": "Send Messages",
         "send_messages_in_threads": "Send Messages in Threads", "attach_files": "Attach Files",
         "embed_links": "Embed Links", "read_message_history": "Read Message History"}


def invite_link(application_id: int) -> str:
    """The link that adds the bot to a server, with what it needs and no more."""
    return discord.utils.oauth_url(application_id, permissions=NEEDED, scopes=SCOPES)


def application_id_of(token: str) -> int | None:
    """The application's id, which a bot token begins with; None where it reads like none."""
    first = token.strip().split(".")[0]
    try:
        digits = base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        return None
    return int(digits) if digits.isdigit() and 15 <= len(digits) <= 20 else None


def missing(permissions: discord.Permissions, channel: Any) -> list[str]:
    """The names of what ``permissions`` lacks for working in ``channel``."""
    thread = isinstance(channel, discord.Thread)
    unneeded = "send_messages" if thread else "send_messages_in_threads"
    return [words for name, words in NAMES.items()
            if name != unneeded and not getattr(permissions, name)]


def check_bot_may_post(interaction: discord.Interaction[Any]) -> None:
    """Raise MissingPermissionError, naming what is missing, before any work is done.

    In direct messages there are none to miss.
    """
    if interaction.guild_id is None:
        return
    lacking = missing(interaction.app_permissions, interaction.channel)
    if lacking:
        names = lacking[0] if len(lacking) == 1 else (
            f"{', '.join(lacking[:-1])} and {lacking[-1]}")
        plural = "s" if len(lacking) > 1 else ""
        raise MissingPermissionError(
            f"I cannot paint in this channel: I lack the permission{plural} {names}. A moderator "
            "can give them to me in the channel's settings.")


def is_moderator(interaction: discord.Interaction[Any], guild_id: str | None) -> bool:
    """Whether the person may manage messages in the server ``guild_id``, and stands in it."""
    if guild_id is None or str(interaction.guild_id) != guild_id:
        return False
    permissions = interaction.permissions
    return permissions.administrator or permissions.manage_messages


def check_owner_or_moderator(interaction: discord.Interaction[Any], person: str,
                             guild_id: str | None, verb: str) -> None:
    """Raise NotYoursError unless the job of ``person`` in ``guild_id`` is theirs to touch."""
    if str(interaction.user.id) != person and not is_moderator(interaction, guild_id):
        raise NotYoursError(f"Only whoever asked for this picture, or a moderator, may {verb} it.")
