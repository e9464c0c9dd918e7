"""What the bot must be allowed to do, and who counts as a moderator."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Literal

import discord

from bot.errors import MissingPermissionError, NotYoursError
from bot.language import _, mark, plural

SCOPES = ("bot", "applications.commands")
# Posting in a channel or thread, with a picture, and looking there for what was posted before.
NEEDED = discord.Permissions(
    view_channel=True, send_messages=True, send_messages_in_threads=True, attach_files=True,
    embed_links=True, read_message_history=True)
Verb = Literal["stop", "cancel", "keep", "delete"]
_NOT_YOURS: dict[Verb, str] = {
    "stop": mark("Only the person who requested this picture or a moderator can stop it."),
    "cancel": mark("Only the person who requested this picture or a moderator can cancel it."),
    "keep": mark("Only the person who requested this picture or a moderator can keep it."),
    "delete": mark("Only the person who requested this picture or a moderator can delete it."),
}
# As Discord's settings name them.
NAMES = {"view_channel": mark("View Channel"), "send_messages": mark("Send Messages"),
         "send_messages_in_threads": mark("Send Messages in Threads"),
         "attach_files": mark("Attach Files"), "embed_links": mark("Embed Links"),
         "read_message_history": mark("Read Message History")}


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
    return [_(words) for name, words in NAMES.items()
            if name != unneeded and not getattr(permissions, name)]


def check_bot_may_post(interaction: discord.Interaction[Any]) -> None:
    """Raise MissingPermissionError, naming what is missing, before any work is done.

    In direct messages there are none to miss.
    """
    if interaction.guild_id is not None:
        _check(interaction.app_permissions, interaction.channel)


def check_bot_may_post_in(message: discord.Message) -> None:
    """The same where a message asks: raises MissingPermissionError.

    A thread that the bot does not know tells nothing of its permissions; posting will.
    """
    channel = message.channel
    if message.guild is not None and not isinstance(channel, discord.PartialMessageable):
        _check(channel.permissions_for(message.guild.me), channel)


def _check(permissions: discord.Permissions, channel: Any) -> None:
    lacking = missing(permissions, channel)
    if lacking:
        names = lacking[0] if len(lacking) == 1 else _(
            "{names} and {last}", names=", ".join(lacking[:-1]), last=lacking[-1])
        raise MissingPermissionError(plural(
            "I can't paint in this channel: I'm missing {names}. A moderator can allow it in the "
            "channel's settings.",
            "I can't paint in this channel: I'm missing {names}. A moderator can allow them in the "
            "channel's settings.", len(lacking), names=names))


def is_moderator(interaction: discord.Interaction[Any], guild_id: str | None) -> bool:
    """Whether the person may manage messages in the server ``guild_id``, and stands in it."""
    if guild_id is None or str(interaction.guild_id) != guild_id:
        return False
    permissions = interaction.permissions
    return permissions.administrator or permissions.manage_messages


def check_owner_or_moderator(interaction: discord.Interaction[Any], person: str,
                             guild_id: str | None, verb: Verb) -> None:
    """Raise NotYoursError unless the job of ``person`` in ``guild_id`` is theirs to touch."""
    if str(interaction.user.id) != person and not is_moderator(interaction, guild_id):
        raise NotYoursError(_(_NOT_YOURS[verb]))
