"""Finding the picture in a message: a job's own, an attachment, an embed's, or a component's.

Discord hides the content of messages that neither mention the bot nor are its own, unless a user
chooses the bot's command in their menu.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Any, Protocol

import discord

from bot.errors import AttachmentError, GoneError
from bot.language import _
from bot.media.attachments import Attachments
from bot.requests.custom_ids import job_with_buttons, shows_grid
from bot.requests.picture import Picture, picture_from_bytes
from bot.requests.removed import check_not_removed
from data.jobs.stored import StoredJob
from data.store import Store
from engine.pictures.formats import ENDINGS

# The form that bot.language.formatting.file_name writes.
_FILM = re.compile(r"-\d+-(?P<start>[0-9a-f]{8})\.(?:mp4|webp)")


class Finder(Protocol):
    """What finding a message's job uses of the client."""

    store: Store

    @property
    def user(self) -> discord.ClientUser | None:
        """The bot's own account; None before the login."""


class PictureFinder(Finder, Protocol):
    """What finding a message's picture uses of the client."""

    attachments: Attachments


async def job_of(bot: Finder, message: discord.Message) -> StoredJob | None:
    """Return the job of one of the bot's own messages; None for any other message.

    A time-lapse's message stands for its picture's job.

    The job is found by the message's buttons or, if it has none (a finished progress message, a
    time-lapse), by its stored id.
    """
    if bot.user is None or message.author.id != bot.user.id:
        return None
    messages = bot.store.messages
    id = job_with_buttons(message.components)
    if id is None:
        id = await messages.job_shown_in(str(message.channel.id), str(message.id))
    if id is None:
        film = next(
            (
                found
                for attachment in message.attachments
                if (found := _FILM.search(attachment.filename))
            ),
            None,
        )
        id = None if film is None else await messages.job_starting_with(film["start"])
    job = None if id is None else await bot.store.job(id)
    if job is not None and job.time_lapse_of is not None:
        return await bot.store.job(job.time_lapse_of)
    return job


def check_one_picture(message: discord.Message) -> None:
    """Raise AttachmentError if the message shows several of the bot's pictures."""
    if shows_grid(message.components):
        raise AttachmentError(
            _(
                "That message shows several pictures. Press U and a number for one of them, then "
                "edit that, or find it in /history."
            )
        )


async def own_picture(store: Store, job: StoredJob) -> Picture:
    """Return the picture of a job as it was painted; raises GoneError if it is gone."""
    check_not_removed(job)
    if not job.is_painted:
        raise GoneError(_("That picture isn't finished yet. Try again when it's done."))
    data = await store.picture(job.id)
    if data is None:
        raise GoneError(_("This picture's file is gone. Attach the picture to /edit instead."))
    return await asyncio.to_thread(picture_from_bytes, data)


async def picture_of(
    bot: PictureFinder, message: discord.Message, job: StoredJob | None
) -> Picture:
    """Return the picture in ``message``; ``job`` is its job if it is one of the bot's.

    While the job runs, that is the preview. Raises BotError if there is no picture, or it cannot be
    downloaded or used.
    """
    check_one_picture(message)
    address = picture_address(message)
    if job is not None and job.is_painted:
        try:
            return await own_picture(bot.store, job)
        except GoneError:
            if address is None:
                raise
    if address is not None:
        return await bot.attachments.picture(address)
    if bot.user is not None and message.author.id == bot.user.id:
        raise AttachmentError(
            _("That message has no picture. Reply to one that does, or attach a picture to /edit.")
        )
    raise AttachmentError(
        _(
            "I can't see a picture in that message. If there is one, open the "
            "message's menu and choose Apps > Edit this image, or attach the "
            "picture to /edit."
        )
    )


def picture_address(message: discord.Message) -> str | None:
    """Return the address of the first picture: attached, forwarded, embedded or in a layout."""
    parts: list[discord.Message | discord.MessageSnapshot] = [message, *message.message_snapshots]
    for part in parts:
        attached = next((file.url for file in part.attachments if _is_picture(file)), None)
        address = attached or _embedded(part.embeds) or _laid_out(part.components)
        if address is not None:
            return address
    return None


def attached_address(message: discord.Message) -> str | None:
    """Return the address of a message's attachment, even if it is not a picture."""
    address = picture_address(message)
    if address is None and message.attachments:
        return message.attachments[0].url
    return address


def mask_address(message: discord.Message) -> str | None:
    """Return the address of a message's last attached picture; None if it has none."""
    attached = [file.url for file in message.attachments if _is_picture(file)]
    return attached[-1] if attached else None


def _is_picture(attachment: discord.Attachment) -> bool:
    kind = attachment.content_type
    if kind is not None:
        return kind.startswith("image/")
    return attachment.filename.lower().endswith(ENDINGS)


def _embedded(embeds: list[discord.Embed]) -> str | None:
    """Return the proxy's address: an embed's own link may point anywhere."""
    for embed in embeds:
        for media in (embed.image, embed.thumbnail):
            address = media.proxy_url or media.url
            if address:
                return address
    return None


def _laid_out(components: Sequence[Any]) -> str | None:
    """The same of layout components: Discord leaves a file that one shows out of attachments."""
    for component in components:
        for shown in (component, *getattr(component, "items", ())):
            media = getattr(shown, "media", None)
            address = media and (media.proxy_url or media.url)
            if address and not isinstance(component, discord.FileComponent):
                return address
        inner = [*getattr(component, "children", ()), getattr(component, "accessory", None)]
        address = _laid_out([each for each in inner if each is not None])
        if address is not None:
            return address
    return None
