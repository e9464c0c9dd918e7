"""The permissions that the bot needs, and those that a member has in the server."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Literal

import discord

from bot.errors import MissingPermissionError
from bot.language import _, mark, plural

SCOPES = ("bot", "applications.commands")
# To post pictures in channels and threads, and to find what was posted before.
NEEDED = discord.Permissions(
    view_channel=True,
    send_messages=True,
    send_messages_in_threads=True,
    attach_files=True,
    embed_links=True,
    read_message_history=True,
)
Verb = Literal["stop", "cancel", "change", "keep", "delete"]
# The names in Discord's settings.
NAMES = {
    "view_channel": mark("View Channel"),
    "send_messages": mark("Send Messages"),
    "send_messages_in_threads": mark("Send Messages in Threads"),
    "attach_files": mark("Attach Files"),
    "embed_links": mark("Embed Links"),
    "read_message_history": mark("Read Message History"),
}


def invite_link(application_id: int) -> str:
    """Return the link that adds the bot to a server with the permissions it needs."""
    return discord.utils.oauth_url(application_id, permissions=NEEDED, scopes=SCOPES)


def application_id_of(token: str) -> int | None:
    """Return the application's id from a bot token; None if it doesn't look like one."""
    first = token.strip().split(".")[0]
    try:
        digits = base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        return None
    return int(digits) if digits.isdigit() and 15 <= len(digits) <= 20 else None


def missing(permissions: discord.Permissions, channel: Any) -> list[str]:
    """Return the names of the permissions that are missing for working in ``channel``."""
    thread = isinstance(channel, discord.Thread)
    unneeded = "send_messages" if thread else "send_messages_in_threads"
    return [
        _(words)
        for name, words in NAMES.items()
        if name != unneeded and not getattr(permissions, name)
    ]


def check_bot_may_post(interaction: discord.Interaction[Any]) -> None:
    """Raise MissingPermissionError, before any work is done, if permissions are missing.

    Direct messages need none.
    """
    if interaction.guild_id is not None:
        _check(interaction.app_permissions, interaction.channel)


def check_bot_may_post_in(message: discord.Message) -> None:
    """Do the same for the channel of a message; raises MissingPermissionError.

    The permissions in an unknown thread cannot be read; posting will tell.
    """
    channel = message.channel
    if message.guild is not None and not isinstance(channel, discord.PartialMessageable):
        _check(channel.permissions_for(message.guild.me), channel)


def _check(permissions: discord.Permissions, channel: Any) -> None:
    lacking = missing(permissions, channel)
    if lacking:
        names = (
            lacking[0]
            if len(lacking) == 1
            else _("{names} and {last}", names=", ".join(lacking[:-1]), last=lacking[-1])
        )
        raise MissingPermissionError(
            plural(
                "I can't paint in this channel: I'm missing {names}. A moderator can allow it "
                "in the channel's settings.",
                "I can't paint in this channel: I'm missing {names}. A moderator can allow them "
                "in the channel's settings.",
                len(lacking),
                names=names,
            )
        )


def server_permissions(user: discord.User | discord.Member) -> discord.Permissions:
    """Return a member's permissions in the whole server, from their roles; none for others.

    ``interaction.permissions`` include the channel's overwrites, which give power over one channel
    and not over the server.
    """
    return (
        user.guild_permissions if isinstance(user, discord.Member) else discord.Permissions.none()
    )
