"""The bot's errors, and the one place that turns any error into a message for the user.

Commands, modals, buttons and jobs all answer through here::

    BotError                    the root; its text can be shown to a user as it is
    +-- NotYoursError           another user's picture
    +-- GoneError               a picture or message that no longer exists
    +-- MissingPermissionError  the bot lacks a permission in the channel
    +-- DirectMessageError      the bot cannot send the user a direct message
    +-- LimitError              more than the host or the server allows
    +-- BannedError             a server's moderators banned or limited the user
    +-- TermsError              invalid terms of a ban or a limit
    +-- BusyError               the user's data is being exported or deleted
    +-- AttachmentError         a picture that cannot be downloaded or used
    +-- ClosingError            the bot is stopping
    +-- SlowError               the database did not answer in time
    +-- NotAllowedError         something that the server's settings forbid
    +-- MissingRightError       the user lacks a permission in the server
    +-- SettingError            an unknown setting or an invalid value
"""

from __future__ import annotations

import logging
import re
import secrets
from types import TracebackType
from typing import Any, Self

import aiohttp
import discord
from discord import app_commands

from bot.language import ENGLISH, _, translated, using_language
from bot.language.commands import without_links
from engine.errors import EngineError, UnavailableError

log = logging.getLogger(__name__)


class BotError(Exception):
    """The root of the bot's own errors; its text can be shown to a user as it is."""


class NotYoursError(BotError):
    """Another user's picture, which only they or a moderator can change."""


class GoneError(BotError):
    """A picture, job or message that no longer exists."""


class MissingPermissionError(BotError):
    """The bot lacks a permission in the channel."""


class DirectMessageError(BotError):
    """The bot cannot send the user a direct message."""


class LimitError(BotError):
    """More than the host or the server allows."""


class BannedError(BotError):
    """A server's moderators banned or limited the user."""


class TermsError(BotError):
    """Invalid terms of a ban or a limit."""


class BusyError(BotError):
    """The user's data is being exported or deleted."""


class AttachmentError(BotError):
    """A picture that cannot be downloaded or used."""


class ClosingError(BotError):
    """The bot is stopping and takes no new jobs."""


class SlowError(BotError):
    """The database did not answer before Discord stops waiting."""


class NotAllowedError(BotError):
    """Something that the server's settings forbid."""


class MissingRightError(BotError):
    """The user lacks a permission in the server."""


class SettingError(BotError):
    """A server setting that does not exist, or an invalid value."""


UNKNOWN_MESSAGE = 10008
DELETED = (10003, UNKNOWN_MESSAGE)  # the first is Unknown Channel
NO_ACCESS = (50001, 50013)  # Missing Access, Missing Permissions
TOO_LARGE = 40005
DM_CLOSED = (50007, 50278)
# Unknown Interaction (it expired), Unknown Webhook and Invalid Webhook Token (15 minutes passed).
EXPIRED = (10062, 10015, 50027)
ANSWERED = 40060  # Interaction has already been acknowledged
# The thread is archived, the thread is locked.
THREAD_CLOSED = (50083, 160005)
# Blocked by AutoMod, by its title filter, by the filter for harmful links.
FILTERED = (200000, 200001, 240000)


# A path from the root, the home folder or a Windows drive, up to its last separator. Names of
# folders, except the first, may have a few spaces; /imagine, links and fractions do not match.
_NAME = r"[^\s/\\\"'`<>|:;,]+"
_FOLDERS = re.compile(
    rf"(?<![\w:/\\.~])(?:/{_NAME}/|~/|[A-Za-z]:[/\\])"
    rf"(?:{_NAME}(?: {_NAME}){{0,3}}[/\\])*"
)


def without_folders(text: str) -> str:
    """Shorten the paths in ``text`` to the names of the files.

    The engine's messages have full paths for the host; users in Discord must not see the host's
    folders.
    """
    return _FOLDERS.sub("", text)


def user_message(error: BaseException) -> str | None:
    """Return the message about ``error`` for the user; None for an unexpected error.

    In this order: the engine's and the bot's own errors, without the host's folders; discord.py's
    errors about commands; Discord's answers; the network.
    """
    if isinstance(_cause(error), UnavailableError):  # its text is for the host
        return _("I can't reach my store of pictures at the moment. Try again in a few minutes.")
    text = _full_message(error)
    return without_folders(text) if isinstance(_cause(error), EngineError) and text else text


def _cause(error: BaseException) -> BaseException:
    return error.original if isinstance(error, app_commands.CommandInvokeError) else error


def _full_message(error: BaseException) -> str | None:
    """Return the same message for the host's log, with folders."""
    error = _cause(error)
    if isinstance(error, EngineError):
        return translated(error.message)
    if isinstance(error, BotError):
        return str(error)
    return _command_message(error) or _discord_message(error)


def _command_message(error: BaseException) -> str | None:
    match error:
        case app_commands.TransformerError():
            return _(
                '"{value}" doesn\'t work here. Choose another value.', value=str(error.value)[:80]
            )
        case app_commands.BotMissingPermissions():
            names = ", ".join(name.replace("_", " ").title() for name in error.missing_permissions)
            return _("I'm missing {names} here. Ask a moderator to allow it.", names=names)
        case app_commands.MissingPermissions():
            return _("You don't have permission to do that here.")
        case app_commands.CommandOnCooldown():
            return _(
                "Slow down! Try again in {seconds} s.", seconds=max(1, round(error.retry_after))
            )
        case app_commands.CommandNotFound() | app_commands.CommandSignatureMismatch():
            return _(
                "I was just updated, and Discord still shows you my old commands. Reload "
                "Discord and try again."
            )
        case app_commands.CheckFailure():
            return _("You can't do that here.")
        case _:
            return None


def _discord_message(error: BaseException) -> str | None:
    if isinstance(error, discord.HTTPException):
        if error.code in DELETED:
            return _("That message is gone. Use /imagine again, or check /history.")
        if error.code in EXPIRED or error.code == ANSWERED:
            return _("That took too long for Discord. Try again.")
        if error.code in THREAD_CLOSED:
            return _("This thread is closed. Ask a moderator to open it, or try another channel.")
        if error.code in FILTERED:
            return _("This server's AutoMod blocked my message. Ask a moderator to allow it.")
        if error.code in DM_CLOSED:
            return _(
                "I can't DM you. Allow direct messages in this server's privacy settings and "
                "try again."
            )
        if error.code in NO_ACCESS or isinstance(error, discord.Forbidden):
            return _(
                "Discord won't let me do that here. Ask a moderator to give me View Channel, "
                "Send Messages, Attach Files, Embed Links and Read Message History."
            )
        if error.code == TOO_LARGE:
            return _("The file is too large for this server. Choose a smaller size.")
        if error.status == 429:
            return _("Discord is rate limiting me. Try again in a minute.")
        if error.status >= 500:
            return _("Discord is having problems. Try again in a minute.")
        return None
    if isinstance(error, (aiohttp.ClientError, TimeoutError, discord.ConnectionClosed)):
        return _("I couldn't reach Discord. Try again in a minute.")
    return None


def is_temporary(error: BaseException) -> bool:
    """Whether trying again later may help: trouble of the network or of Discord."""
    if isinstance(error, discord.HTTPException):
        return error.status >= 500 or error.status == 429
    return isinstance(error, (aiohttp.ClientError, TimeoutError, OSError))


def report(error: BaseException, where: str) -> str:
    """Return the message for the user; an unexpected error is logged with a reference."""
    text = user_message(error)
    if text is not None:
        with using_language(ENGLISH):  # a BotError's text was translated when it was raised
            log.info("%s was refused: %s", where, without_links(_full_message(error) or ""))
        if getattr(_cause(error), "code", None) == ANSWERED:
            log.warning(
                "%s was already answered. If you see this often, another process runs with the "
                "same token: stop one of them.",
                where,
            )
        return text
    reference = secrets.token_hex(4)
    log.error(
        "%s failed, reference %s",
        where,
        reference,
        exc_info=(type(error), error, error.__traceback__),
    )
    return _(
        "Something went wrong. If it keeps happening, send the bot's host this reference: "
        "{reference}",
        reference=reference,
    )


async def answer(interaction: discord.Interaction[Any], text: str) -> None:
    """Answer the user alone, whether the interaction was answered before or not."""
    try:
        if not interaction.response.is_done():
            await interaction.response.send_message(text, ephemeral=True)
        elif interaction.response.type in (
            discord.InteractionResponseType.deferred_channel_message,
        ):
            await interaction.edit_original_response(content=text)
        else:
            await interaction.followup.send(text, ephemeral=True)
    except discord.HTTPException as error:
        # The token has expired, or Discord has trouble: the user cannot be reached.
        level = logging.INFO if error.code in (*EXPIRED, ANSWERED) else logging.WARNING
        log.log(level, "Could not send the answer %r: %s", without_links(text), error)
    except (aiohttp.ClientError, TimeoutError) as error:
        log.warning("Could not send the answer %r: %s", without_links(text), error)


class Caught:
    """Catches any exception of its block, and keeps the message for the user in ``text``.

    This context manager is the only place that catches every Exception; cancellation passes.
    """

    def __init__(self, where: str) -> None:
        self.where = where
        self.text: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        self.text = report(error, self.where)
        return True


class Guarded(Caught):
    """Runs an interaction in the user's language, and answers with the message of its error."""

    def __init__(self, interaction: discord.Interaction[Any], where: str) -> None:
        super().__init__(where)
        self.interaction = interaction
        self._speaking = using_language(str(interaction.locale))

    async def __aenter__(self) -> Self:
        self._speaking.__enter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        try:
            caught = self.__exit__(kind, error, trace)
            if self.text is not None:
                await answer(self.interaction, self.text)
            return caught
        finally:
            self._speaking.__exit__(None, None, None)
