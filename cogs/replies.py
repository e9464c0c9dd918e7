"""Messages to the bot: replies that edit a picture, and direct messages with a prompt.

Without a privileged intent the bot receives the text of direct messages and of messages that
mention it. A reply to the bot mentions it unless its ping is turned off.
"""

from __future__ import annotations

import contextlib
import logging
import re

import discord
from discord.ext import commands

from bot.client import ImageBot
from bot.errors import Caught, GoneError
from bot.language import _, using_language
from bot.media.source_picture import attached_address, job_of, picture_of
from bot.permissions import check_bot_may_post_in
from bot.requests.asking import Asking
from bot.requests.edit_request import edit_request
from bot.requests.origin import Way, origin_of_message, place_of_message
from engine.errors import RequestError
from engine.request.request import request_from_text

log = logging.getLogger(__name__)

_TAKEN = (discord.MessageType.default, discord.MessageType.reply)


class Replies(commands.Cog):
    """Listens to direct messages and to messages that mention the bot."""

    def __init__(self, bot: ImageBot) -> None:
        self.bot = bot

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        """Handle a message for the bot; errors are answered in a reply."""
        if not self._is_for_us(message) or (await self.bot.get_context(message)).valid:
            return
        with using_language(await self._locale(message)):
            with Caught("a message") as caught:
                await self._take(message)
            if caught.text is not None:
                await _say(message, caught.text)

    async def _locale(self, message: discord.Message) -> str:
        """Return the server's language: its /config setting, else its Discord language."""
        place = place_of_message(message)
        with Caught("the language of a server"):
            place = (await self.bot.guild_settings.rules(place.guild_id)).place(place)
        return place.locale

    def _is_for_us(self, message: discord.Message) -> bool:
        if message.author.bot or message.webhook_id is not None or message.type not in _TAKEN:
            return False
        me = self.bot.user
        return message.guild is None or (
            me is not None and any(user.id == me.id for user in message.mentions)
        )

    async def _take(self, message: discord.Message) -> None:
        words, replied = self._words(message), await _replied_to(message)
        attached = attached_address(message)
        if attached is None and replied is None:
            await self._take_words(message, words)
            return
        check_bot_may_post_in(message)
        job = None if replied is None else await job_of(self.bot, replied)
        former = None if job is None else job.request
        if not words and (attached is None or former is None):
            raise RequestError(
                _(
                    "Say what to turn the picture into in the same message, for "
                    'example "a red star".'
                )
            )
        if attached is not None:
            picture = await self.bot.attachments.picture(attached)
        else:
            assert replied is not None
            picture = await picture_of(self.bot, replied, job)
        if not words and former is not None:
            words = former.prompt  # their own version of the picture: reuse its prompt
        request = edit_request(words, picture, former=former, same_size=attached is None)
        way: Way = "reply"
        if replied is None:
            way = "direct message" if message.guild is None else "mention"
        await self.bot.intake.ask(Asking(origin_of_message(message, way), request, [picture]))

    async def _take_words(self, message: discord.Message, words: str) -> None:
        """Paint a direct message's prompt; elsewhere, answer with the help text."""
        if message.guild is not None or not words:
            await _say(message, help_text())
            return
        await self.bot.intake.ask(
            Asking(origin_of_message(message, "direct message"), request_from_text(words))
        )

    def _words(self, message: discord.Message) -> str:
        """Return the message's text without the mention of the bot."""
        assert self.bot.user is not None
        return re.sub(rf"<@!?{self.bot.user.id}>", " ", message.content).strip()


def help_text() -> str:
    """Explain how to paint and edit, and what Discord hides from the bot."""
    return _(
        "Use /imagine to paint a picture, /history to see your pictures, and /queue to see "
        "what is running. To edit one of my pictures, reply to it with words or with your own "
        "version of it. Leave the reply's ping on: without it, Discord doesn't show me your "
        "message. To edit any other picture, use /edit, or open a message's menu and choose "
        "Apps > Edit this image."
    )


async def _replied_to(message: discord.Message) -> discord.Message | None:
    """Return the message that this one replies to; raises GoneError if it was deleted."""
    reference = message.reference
    if reference is None or reference.type is not discord.MessageReferenceType.reply:
        return None
    if isinstance(reference.resolved, discord.Message):
        return reference.resolved
    with contextlib.suppress(discord.NotFound):
        if reference.message_id is not None and reference.resolved is None:
            return await message.channel.fetch_message(reference.message_id)
    raise GoneError(
        _(
            "The message that you replied to was deleted. Attach the picture to your "
            "message instead."
        )
    )


async def _say(message: discord.Message, text: str) -> None:
    """Reply; if the bot may not write there, send a direct message."""
    try:
        await message.reply(text, mention_author=False)
    except discord.HTTPException as error:
        log.info("The reply was refused (%s); sending a direct message", error)
        with contextlib.suppress(discord.HTTPException):  # direct messages are closed too
            await message.author.send(text)


async def setup(bot: ImageBot) -> None:
    """Add the cog; discord.py calls this when it loads the extension."""
    await bot.add_cog(Replies(bot))
