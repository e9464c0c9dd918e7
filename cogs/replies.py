"""Messages to the bot: replies that edit a picture, and direct messages with a prompt.

Without a privileged intent the bot receives the text of direct messages and of messages that
mention it. A reply to the bot mentions it unless its ping is turned off, so most replies are
comments: only one that says so edits a picture (the server setting ``replies``).
"""

from __future__ import annotations

import contextlib
import logging
import re
from time import monotonic

import discord
from discord.ext import commands

from bot.client import ImageBot
from bot.errors import Caught, GoneError
from bot.guild.rules import Rules
from bot.language import _, using_language
from bot.media.addressed import picture_in
from bot.media.source_picture import attached_address, job_of, mask_address, picture_of
from bot.permissions import check_bot_may_post_in
from bot.requests.edit_request import edit_requests
from bot.requests.origin import Way, origin_of_message, place_of_message, shown_like
from bot.requests.typed import askings_of, typed_requests
from engine.errors import RequestError
from engine.request.arrow import arrows

log = logging.getLogger(__name__)

_TAKEN = (discord.MessageType.default, discord.MessageType.reply)
_HELP_SECONDS = 60.0  # at most one help text per channel of a server in this time
_PREFIX = re.compile(
    r"(?:\+|/?(?:edit|imagine|paint|bearbeite|male)\s*:|/imagine\b)\s*", re.IGNORECASE
)
# A mask is a file, so in a message its flag has no value: it tells what the attachment is.
_MASK = re.compile(r"(?<!\S)(?:--|—)mask(?!\S)", re.IGNORECASE)


class Replies(commands.Cog):
    """Listens to direct messages and to messages that mention the bot."""

    def __init__(self, bot: ImageBot) -> None:
        self.bot = bot
        self._helped: dict[int, float] = {}  # when help was last given, by channel

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        """Handle a message for the bot; errors are answered in a reply."""
        if not self._is_for_us(message) or (await self.bot.get_context(message)).valid:
            return
        place, rules = place_of_message(message), None
        with Caught("the settings of a server") as caught:
            rules = await self.bot.guild_settings.rules(place.guild_id)
        with using_language(place.locale if rules is None else rules.place(place).locale):
            if rules is not None:
                with Caught("a message") as caught:
                    await self._take(message, rules)
            if caught.text is not None:
                await _say(message, caught.text)

    def _is_for_us(self, message: discord.Message) -> bool:
        if message.author.bot or message.webhook_id is not None or message.type not in _TAKEN:
            return False
        me = self.bot.user
        return message.guild is None or (
            me is not None and any(user.id == me.id for user in message.mentions)
        )

    async def _take(self, message: discord.Message, rules: Rules) -> None:
        """Edit a picture, paint a direct message's prompt, give help, or ignore a comment."""
        text = self._text(message)
        said_so, words = _without_prefix(text)
        attached, mask = attached_address(message), None
        if _MASK.search(words) and (mask := mask_address(message)) is not None:
            words = _MASK.sub(" ", words).strip()
            attached = None if attached == mask else attached
        if _is_reply(message) and not _is_meant(message, rules, said_so, words):
            if not text and not message.attachments and self._may_help(message):
                await _say(message, help_text(rules))
            return
        try:
            replied = await _replied_to(message)
        except GoneError:
            assert message.reference is not None
            if message.reference.message_id is not None:
                await self.bot.deletions.note(message.channel.id, [message.reference.message_id])
            raise
        if mask is not None and attached is None and replied is None:
            raise RequestError(
                _("Attach the picture too, before its mask, or reply to the picture.")
            )
        if attached is None and replied is None:
            if message.guild is None and said_so and words:
                await self._paint(message, words)
            elif self._may_help(message):
                await _say(message, help_text(rules))
            return
        check_bot_may_post_in(message)
        await self._edit(message, words, attached, mask, replied)

    async def _paint(self, message: discord.Message, words: str) -> None:
        """Paint a direct message's prompt, in which a picture's address can be."""
        words, pictures = await picture_in(words, self.bot.attachments)
        values = {"init_image": pictures[0].sha256} if pictures else {}
        requests = typed_requests(words, **values)
        origin = origin_of_message(message, "direct message")
        await self.bot.intake.ask_all(askings_of(origin, requests, pictures))

    async def _edit(
        self,
        message: discord.Message,
        words: str,
        attached: str | None,
        mask: str | None,
        replied: discord.Message | None,
    ) -> None:
        """Edit the ``attached`` picture or the one of the message ``replied`` to.

        ``attached`` and ``mask`` are addresses; the mask may be missing.
        """
        job = None if replied is None else await job_of(self.bot, replied)
        former = None if job is None else job.request
        if not words and ((attached is None and mask is None) or former is None):
            raise RequestError(
                _(
                    "Say what to turn the picture into in the same message, for "
                    'example "edit: a red star".'
                )
            )
        if attached is not None:
            pictures = [await self.bot.attachments.picture(attached)]
        else:
            assert replied is not None
            pictures = [await picture_of(self.bot, replied, job)]
        if mask is not None:
            pictures.append(await self.bot.attachments.picture(mask, _("Mask")))
        if not words and former is not None:
            words = former.prompt  # their own version of the picture: reuse its prompt
        requests = edit_requests(
            words,
            pictures[0],
            former=former,
            same_size=attached is None,
            mask=None if mask is None else pictures[1].sha256,
        )
        way: Way = "reply"
        if replied is None:
            way = "direct message" if message.guild is None else "mention"
        origin = shown_like(origin_of_message(message, way), job)
        await self.bot.intake.ask_all(askings_of(origin, requests, pictures))

    def _may_help(self, message: discord.Message) -> bool:
        """Whether to answer with the help text; in a server's channel at most once a minute."""
        if message.guild is None:
            return True
        now = monotonic()
        recent = {
            channel: when for channel, when in self._helped.items() if now - when < _HELP_SECONDS
        }
        self._helped = {**recent, message.channel.id: recent.get(message.channel.id, now)}
        return message.channel.id not in recent

    def _text(self, message: discord.Message) -> str:
        """Return the message's text without the mention of the bot."""
        assert self.bot.user is not None
        return re.sub(rf"<@!?{self.bot.user.id}>", " ", message.content).strip()


def _without_prefix(text: str) -> tuple[bool, str]:
    """Return whether ``text`` says that it is a request, and its words without the prefix."""
    found = _PREFIX.match(text)
    return (False, text) if found is None else (True, text[found.end() :].strip())


def _is_meant(message: discord.Message, rules: Rules, said_so: bool, words: str) -> bool:
    """Whether a reply is an edit, and not a comment.

    Embeds do not count as pictures here: comments with links to animations are common.
    """
    match rules.value("replies"):
        case "off":
            return False
        case "all":
            return True
        case _:
            return said_so or bool(message.attachments) or any(arrows(words))


def help_text(rules: Rules) -> str:
    """Explain how to paint and edit, and what Discord hides from the bot."""
    texts = [
        _(
            "Use /imagine to paint a picture, /history to see your pictures, and /queue to see "
            "what is running."
        )
    ]
    if rules.value("replies") != "off":
        texts.append(
            _(
                'To edit one of my pictures, reply to it with words, as in "edit: a red star", '
                "or with your own version of it. Leave the reply's ping on: without it, Discord "
                "doesn't show me your message."
            )
        )
    texts.append(
        _(
            "To edit any other picture, use /edit, or open a message's menu and choose "
            "Apps > Edit this image."
        )
    )
    return " ".join(texts)


def _is_reply(message: discord.Message) -> bool:
    """Whether it answers another message; a forwarded message refers to one, too."""
    reference = message.reference
    return reference is not None and reference.type is discord.MessageReferenceType.reply


async def _replied_to(message: discord.Message) -> discord.Message | None:
    """Return the message that this one replies to; raises GoneError if it was deleted."""
    reference = message.reference
    if reference is None or not _is_reply(message):
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
