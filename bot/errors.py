"""What goes wrong on the way -> a sentence for the person: the one table of it.

Commands, modals, buttons and jobs all answer through here::

    BotError                    the root; its text may be shown to a person as it is
    +-- NotYoursError           another person's picture
    +-- GoneError               a picture that is not kept any more
    +-- MissingPermissionError  the bot may not do here what it must
    +-- LimitError              more than the host allows one person
    +-- BannedError             a server's moderators keep the person from asking, or limit them
    +-- TermsError              terms of a ban or a limit that cannot be read
    +-- BusyError               the person is being forgotten, or told what is kept of them
    +-- AttachmentError         a picture to start from that cannot be fetched
    +-- ClosingError            the bot is being stopped
    +-- NotAllowedError         what the settings of this server do not allow
    +-- MissingRightError       what the person lacks the right to do in this server
    +-- SettingError            a server's setting that cannot be so
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

from bot.language import ENGLISH, _, said, speaking
from engine.errors import EngineError

log = logging.getLogger(__name__)


class BotError(Exception):
    """The root of the bot's own errors; its text may be shown to a person as it is."""


class NotYoursError(BotError):
    """Another person's picture, which only they or a moderator may touch."""


class GoneError(BotError):
    """A picture or a job that is not kept any more."""


class MissingPermissionError(BotError):
    """The bot lacks a permission in the channel."""


class LimitError(BotError):
    """More than the host allows one person."""


class BannedError(BotError):
    """A server's moderators keep the person from asking, or limit how often."""


class TermsError(BotError):
    """Terms of a ban or a limit that cannot be read."""


class BusyError(BotError):
    """The person is being forgotten, or told what is kept of them."""


class AttachmentError(BotError):
    """A picture to start from that cannot be fetched or used."""


class ClosingError(BotError):
    """The bot is being stopped and takes no more work."""


class NotAllowedError(BotError):
    """Something that the settings of the server do not allow this person, or anyone."""


class MissingRightError(BotError):
    """The person lacks the right to do this in the server."""


class SettingError(BotError):
    """A server's setting that does not exist, or cannot have that value."""


DELETED = (10003, 10008)  # Unknown Channel, Unknown Message
NO_ACCESS = (50001, 50013)  # Missing Access, Missing Permissions
TOO_LARGE = 40005
DM_CLOSED = 50007
EXPIRED = (10062, 10015, 50027)  # Unknown interaction, Unknown Webhook, Invalid Webhook Token
ALREADY_ANSWERED = 40060


# A path from the root, the home folder or a Windows drive, up to its last separator. A folder's
# name may have a few spaces, but for the first; /imagine, addresses and fractions are no paths.
_NAME = r"[^\s/\\\"'`<>|:;,]+"
_FOLDERS = re.compile(rf"(?<![\w:/\\.~])(?:/{_NAME}/|~/|[A-Za-z]:[/\\])"
                      rf"(?:{_NAME}(?: {_NAME}){{0,3}}[/\\])*")


def without_folders(text: str) -> str:
    """``text`` with the paths of the host in it shortened to the names of the files.

    The engine names files in full, for whoever keeps the machine; people in Discord need to
    know neither who that is nor how the disk is laid out.
    """
    return _FOLDERS.sub("", text)


def sentence(error: BaseException) -> str | None:
    """What to tell the person of ``error``; None where nobody has foreseen it.

    In this order: what the engine and the bot raise on purpose speaks for itself, but for the
    host's folders; then discord.py's refusals of commands; then Discord's own answers; then the
    network.
    """
    text = _in_full(error)
    return without_folders(text) if isinstance(_cause(error), EngineError) and text else text


def _cause(error: BaseException) -> BaseException:
    return error.original if isinstance(error, app_commands.CommandInvokeError) else error


def _in_full(error: BaseException) -> str | None:
    """The same for the log, which the host alone reads."""
    error = _cause(error)
    if isinstance(error, EngineError):
        return said(error.message)
    if isinstance(error, BotError):
        return str(error)
    return _of_commands(error) or _of_discord(error)


def _of_commands(error: BaseException) -> str | None:
    match error:
        case app_commands.TransformerError():
            return _("\"{value}\" doesn't work here. Choose another value.",
                     value=str(error.value)[:80])
        case app_commands.BotMissingPermissions():
            names = ", ".join(name.replace("_", " ").title() for name in error.missing_permissions)
            return _("I'm missing {names} here. Ask a moderator to allow it.",
                     names=names)
        case app_commands.MissingPermissions():
            return _("You don't have permission to do that here.")
        case app_commands.CommandOnCooldown():
            return _("Slow down! Try again in {seconds} s.",
                     seconds=max(1, round(error.retry_after)))
        case app_commands.CommandNotFound() | app_commands.CommandSignatureMismatch():
            return _("I was just updated, and Discord still shows you my old commands. Reload "
                     "Discord and try again.")
        case app_commands.CheckFailure():
            return _("You can't do that here.")
        case _:
            return None


def _of_discord(error: BaseException) -> str | None:
    if isinstance(error, discord.HTTPException):
        if error.code in DELETED:
            return _("That message is gone. Use /imagine again, or check /history.")
        if error.code == DM_CLOSED:
            return _("I can't DM you. Allow direct messages in this server's privacy settings and "
                     "try again.")
        if error.code in NO_ACCESS or isinstance(error, discord.Forbidden):
            return _("Discord won't let me do that here. Ask a moderator to give me View Channel, "
                     "Send Messages, Attach Files, Embed Links and Read Message History.")
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


def is_passing(error: BaseException) -> bool:
    """Whether trying again later may help: the network's and Discord's own trouble."""
    if isinstance(error, discord.HTTPException):
        return error.status >= 500 or error.status == 429
    return isinstance(error, (aiohttp.ClientError, TimeoutError, OSError))


def describe(error: BaseException, where: str) -> str:
    """The person's sentence; what nobody foresaw is logged, and they get its reference."""
    text = sentence(error)
    if text is not None:
        with speaking(ENGLISH):  # the host's; what a BotError says was said when it was raised
            log.info("%s was refused: %s", where, _in_full(error))
        return text
    reference = secrets.token_hex(4)
    log.error("%s failed, reference %s", where, reference,
              exc_info=(type(error), error, error.__traceback__))
    return _("Something went wrong. If it keeps happening, send the bot's host this reference: "
             "{reference}", reference=reference)


async def answer(interaction: discord.Interaction[Any], text: str) -> None:
    """Tell the person alone, whether the interaction was answered before or not."""
    try:
        if not interaction.response.is_done():
            await interaction.response.send_message(text, ephemeral=True)
        elif interaction.response.type in (
                discord.InteractionResponseType.deferred_channel_message,):
            await interaction.edit_original_response(content=text)
        else:
            await interaction.followup.send(text, ephemeral=True)
    except discord.HTTPException as error:
        # The token has died, or Discord has trouble: nobody is there to be told.
        log.warning("The answer %r did not arrive: %s", text, error)
    except (aiohttp.ClientError, TimeoutError) as error:
        log.warning("The answer %r did not arrive: %s", text, error)


class Caught:
    """Around work that may raise anything: keeps the sentence for the person in ``text``.

    A context manager, so that there is one place that catches everything, and no `except
    Exception`; what ends the process or the task (cancellation) goes through.
    """

    def __init__(self, where: str) -> None:
        self.where = where
        self.text: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> bool:
        if not isinstance(error, Exception):
            return False
        self.text = describe(error, self.where)
        return True


class Guarded(Caught):
    """Around all that an interaction does: what it raises, the person is told.

    Within, the person's language is spoken.
    """

    def __init__(self, interaction: discord.Interaction[Any], where: str) -> None:
        super().__init__(where)
        self.interaction = interaction
        self._speaking = speaking(str(interaction.locale))

    async def __aenter__(self) -> Self:
        self._speaking.__enter__()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> bool:
        try:
            caught = self.__exit__(kind, error, trace)
            if self.text is not None:
                await answer(self.interaction, self.text)
            return caught
        finally:
            self._speaking.__exit__(None, None, None)
