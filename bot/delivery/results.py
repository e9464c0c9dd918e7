"""The final message of a job: its picture, or the reason without one, posted once.

If the channel refuses it, it is sent to the requester directly; if that fails too, it waits until
the server's channels or roles change. A private one is only ever sent directly.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import aiohttp
import discord

from bot.delivery import messages
from bot.delivery.messages import PAINTED, Look, Text
from bot.delivery.picture_check import Verdict, previews_can_stay
from bot.delivery.posting import (
    FIRST_PAUSE,
    LONGEST_PAUSE,
    Find,
    Make,
    Servers,
    post_once,
    upload_limit,
)
from bot.delivery.strip import Previews
from bot.errors import is_temporary, without_folders
from bot.guild.rules import Rules
from bot.host.settings import OperationsSettings
from bot.language import _, translated
from bot.language.formatting import file_name
from bot.language.sparkline import loss_line
from bot.media.main_colour import main_colour
from bot.media.resize import shrink, size_of
from bot.requests.channels import ChannelsAndUsers, as_number, channel_of_job
from bot.ui.buttons import AgainButton, DeleteButton, VideoButton
from bot.ui.job_button import JobButton
from data.jobs.stored import StoredJob
from data.store import Store
from engine.events import Done, Failed

log = logging.getLogger(__name__)


class Poster(ChannelsAndUsers, Servers, Protocol):
    """What posting uses of the client."""

    @property
    def user(self) -> discord.ClientUser | None:
        """The bot's own account; None before the login."""

    def get_user(self, id: int, /) -> discord.User | None:
        """Return a user from the cache."""


class Results:
    """Posts the results and failures of jobs, and remembers those that were refused.

    ``operations`` says whether old pictures are deleted to free up space.
    """

    def __init__(self, store: Store, client: Poster, operations: OperationsSettings) -> None:
        self._store = store
        self._client = client
        self._operations = operations
        # By server: jobs that neither the channel nor the requester accepted.
        self._refused: dict[int, set[str]] = {}

    def refused_in(self) -> list[int]:
        """Return the servers with such jobs."""
        return list(self._refused)

    def refused(self, guild_id: int) -> set[str]:
        """Return the ids of a server's jobs whose posting was refused, to try again."""
        return self._refused.pop(guild_id, set())

    async def post(
        self,
        stored: StoredJob,
        event: Done | Failed,
        verdict: Verdict,
        rules: Rules,
        *,
        look_first: bool,
        previews: Previews | None = None,
    ) -> str | None:
        """Post the result or failure, and return its link; None if it could not be posted.

        ``previews`` are those that were shown while it was painted, as far as they are known.
        """
        is_video = isinstance(event, Done) and stored.time_lapse_of is not None
        button: type[JobButton] = (
            AgainButton if isinstance(event, Failed) else DeleteButton if is_video else VideoButton
        )

        def find(message: discord.Message) -> bool:
            return messages.carries(message, button, stored.id) and message.id != as_number(
                stored.progress_message_id
            )

        async def make(bytes_at_most: int) -> Text | None:
            if isinstance(event, Failed):
                text = messages.failed(
                    stored.person, stored.request, without_folders(translated(event.reason))
                )
                return text if stored.time_lapse_of is None else messages.as_time_lapse(text)
            if stored.time_lapse_of is not None:
                return await self._time_lapse(stored, event, verdict, rules, bytes_at_most)
            fitting = await asyncio.to_thread(shrink, event.picture, bytes_at_most)
            data, ending = fitting or (b"", "png")
            name = file_name(stored.request.prompt, event.seed, stored.id, ending)
            less = [] if ending == "png" else note_if_smaller(event.picture, data)
            look = await self.look(event.picture, event.iterations, [stored.id], rules, previews)
            text = messages.result(
                stored.person,
                stored.request,
                replace(event, notices=(*less, *event.notices)),
                (name, data),
                can_keep=self._operations.pictures_mb > 0,
                can_report=can_report(stored, rules),
                look=look,
            )
            text = verdict.marked(text)
            if fitting is None:
                return messages.too_large(text)
            hidden = rules.value("spoiler") or stored.spoiler or verdict.action == "spoiler"
            return messages.spoilered(text) if hidden else text

        nonce = ("f" if isinstance(event, Failed) else "r") + stored.id
        return await self.send(stored, make, find, nonce=nonce, look_first=look_first)

    async def look(
        self,
        picture: bytes,
        iterations: int,
        ids: Sequence[str],
        rules: Rules,
        previews: Previews | None,
    ) -> Look:
        """Return how the result of the jobs ``ids`` looks; ``picture`` shows all of them."""
        losses, strip = "", None
        if rules.value("sparkline"):
            losses = loss_line([await self._store.losses(id) for id in ids])
        if previews is not None and shows_strip(rules):
            strip = await asyncio.to_thread(previews.strip, picture, iterations)
        return Look(await asyncio.to_thread(main_colour, picture, PAINTED), losses, strip)

    async def send(
        self,
        stored: StoredJob,
        make: Make,
        find: Find,
        *,
        nonce: str,
        look_first: bool,
        ids: Sequence[str] = (),
    ) -> str | None:
        """Post the message that ``make`` makes about a job, and return its link.

        It is about the jobs ``ids``, if any are given. None if it could not be posted.
        """
        channel, private = channel_of_job(self._client, stored.place), stored.place.private
        limit = upload_limit(self._client, None if private else as_number(stored.guild_id))
        own_id = None if self._client.user is None else self._client.user.id
        about = ids or (stored.id,)
        try:
            message_id = await post_once(
                channel,
                make,
                job_id=stored.id,
                nonce=nonce,
                person=stored.person,
                find=find,
                limit=limit,
                look_first=look_first,
                own_id=own_id,
                after=_shown_by(stored),
            )
        except discord.HTTPException as error:
            log.warning("The channel refused the result: %s", error)
            if private:  # nothing in the server can change that
                return None
            return await self._post_directly(stored, make, find, about, look_first=look_first)
        return await self._delivered(about, channel, message_id, directly=private)

    async def _time_lapse(
        self, stored: StoredJob, event: Done, verdict: Verdict, rules: Rules, bytes_at_most: int
    ) -> Text:
        """Return the message with the time-lapse, or without it if it is too large."""
        ending = "webp" if stored.request.loop else "mp4"
        name = file_name(stored.request.prompt, event.seed, stored.time_lapse_of or "", ending)
        shown = await self._store.picture(stored.time_lapse_of or "")
        text = messages.time_lapse(
            stored.person,
            stored.request,
            event,
            name,
            can_report=can_report(stored, rules),
            colour=await asyncio.to_thread(main_colour, shown, PAINTED),
        )
        text = verdict.marked(text)
        if len(event.video) > bytes_at_most:
            too_large = _("The time-lapse is too large to post here. Try a smaller picture.")
            return replace(text, files=(), content=f"{text.content} {too_large}")
        hidden = (
            rules.value("spoiler")
            or stored.spoiler
            or verdict.action == "spoiler"
            or await self._store.picture_checks.needs_spoiler(stored.time_lapse_of or "")
        )
        return messages.spoilered(text) if hidden else text

    async def _post_directly(
        self, stored: StoredJob, make: Make, find: Find, about: Sequence[str], *, look_first: bool
    ) -> str | None:
        """Send it to the requester, because the channel is gone or closed to the bot."""
        try:
            direct = await self._direct_channel(int(stored.person))
            message_id = await post_once(
                direct,
                make,
                job_id=stored.id,
                nonce=f"d{stored.id}",
                person=stored.person,
                find=find,
                look_first=look_first,
                limit=upload_limit(self._client, None),
                after=_shown_by(stored),
            )
        except (discord.HTTPException, aiohttp.ClientError, TimeoutError, OSError) as error:
            log.warning("Could not send the result in a direct message either: %s", error)
            if stored.guild_id is not None:
                self._refused.setdefault(int(stored.guild_id), set()).add(stored.id)
            return None
        return await self._delivered(about, direct, message_id, directly=True)

    async def _delivered(
        self,
        ids: Sequence[str],
        channel: discord.PartialMessageable | discord.DMChannel,
        message_id: int | None,
        *,
        directly: bool = False,
    ) -> str | None:
        """Store the message's id, and return its link; None if there is no message."""
        if message_id is None:
            return None
        for id in ids:
            await self._store.set_result_message(
                id, str(message_id), str(channel.id) if directly else None
            )
        log.info("Delivered as message %d", message_id)
        return channel.get_partial_message(message_id).jump_url

    async def _direct_channel(self, person: int) -> discord.DMChannel:
        pause = FIRST_PAUSE
        while True:
            try:
                user = self._client.get_user(person) or await self._client.fetch_user(person)
                return await user.create_dm()
            except (discord.HTTPException, aiohttp.ClientError, TimeoutError, OSError) as error:
                if not is_temporary(error) or pause > LONGEST_PAUSE:
                    raise
            await asyncio.sleep(pause)
            pause *= 2


def shows_strip(rules: Rules) -> bool:
    """Whether results show a strip of previews."""
    return bool(rules.value("strip")) and previews_can_stay(rules)


def can_report(stored: StoredJob, rules: Rules) -> bool:
    """Whether somebody else sees the result, and there is a channel for reports."""
    return rules.value("log_channel") is not None and not stored.place.private


async def is_hidden(store: Store, stored: StoredJob, rules: Rules) -> bool:
    """Whether the picture is behind a spoiler where it is shown again; raises StoreError."""
    if rules.value("spoiler") or stored.spoiler:
        return True
    return await store.picture_checks.needs_spoiler(stored.id)


def note_if_smaller(whole: bytes, data: bytes) -> list[str]:
    """Return a note if the posted file ``data`` has fewer pixels than the ``whole`` picture."""
    width, height = size_of(data) if data else (0, 0)
    if not data or (width, height) == size_of(whole):
        return []
    return [
        _(
            "This file has {width}x{height} pixels, because the full picture is too large to post "
            "here.",
            width=width,
            height=height,
        )
    ]


def _shown_by(stored: StoredJob) -> int:
    """Return the id of a message older than any result; ids follow Discord's clock, not ours."""
    return as_number(stored.progress_message_id) or 0
