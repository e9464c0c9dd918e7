"""Time-lapses on demand: the worker makes them when it has time.

Requests for them are only kept in memory; if a restart ends one, the requester is told.
"""

from __future__ import annotations

import asyncio
import io
from typing import Protocol

import discord

from bot.delivery.messages import pings
from bot.delivery.posting import Servers, upload_limit
from bot.errors import Caught, GoneError
from bot.guild.rules import GuildSettings, Rules
from bot.host.logs import about_job
from bot.language import _, current_language, mark, using_language
from bot.language.formatting import escape, file_name
from bot.requests.channels import Channels
from data.jobs.stored import StoredJob
from data.store import Store
from engine.jobs.queue import PaintQueue

CLOSING_SECONDS = 3.0
RESTARTED = mark("I'm restarting. Press Video again when I'm back.")
TOO_LARGE = mark("The time-lapse is too large to post here. Try a smaller picture.")


class VideoPoster(Channels, Servers, Protocol):
    """What posting a time-lapse uses of the client."""


class Videos:
    """The time-lapses being made, at most one per job and channel."""

    def __init__(
        self, store: Store, queue: PaintQueue, guild_settings: GuildSettings, client: VideoPoster
    ) -> None:
        self._store = store
        self._queue = queue
        self._guild_settings = guild_settings
        self._client = client
        self._tasks: dict[tuple[str, int], asyncio.Task[None]] = {}

    def ask(
        self, job: StoredJob, person: str, channel_id: int | None, guild_id: int | None
    ) -> bool:
        """Start a time-lapse; False if one is already being made for this channel.

        Raises GoneError if there is no picture to show, or no channel.
        """
        if not job.is_painted or channel_id is None:
            raise GoneError(_("There's no finished picture to show. Press Again to paint one."))
        key = (job.id, channel_id)
        if key in self._tasks:
            return False
        channel = self._client.get_partial_messageable(channel_id, guild_id=guild_id)
        limit = upload_limit(self._client, guild_id)
        task = asyncio.create_task(
            self._make(job, person, channel, limit), name=f"video of {job.id}"
        )
        self._tasks[key] = task
        task.add_done_callback(lambda done: self._tasks.pop(key, None))
        return True

    @property
    def busy(self) -> bool:
        """Whether any time-lapse is being made."""
        return bool(self._tasks)

    async def close(self) -> None:
        """Stop all of them, and tell the requesters, within a few seconds."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            late = (await asyncio.wait(tasks, timeout=CLOSING_SECONDS))[1]
            for task in late:
                task.cancel()

    async def film(self, job_id: str) -> bytes:
        """Return the worker's mp4, however long it takes."""
        return await self._queue.video(job_id)

    async def _make(
        self, job: StoredJob, person: str, channel: discord.PartialMessageable, limit: int
    ) -> None:
        rules = await self._rules(channel)
        language = current_language()
        if rules is not None:
            language = rules.locale(language)
        with about_job(job.id), using_language(language):
            video = None
            try:
                with Caught("the time-lapse") as caught:
                    video = await self.film(job.id)
                text = caught.text
            except asyncio.CancelledError:
                # This task still posts the message; a second cancellation ends it at once.
                text = _(RESTARTED)
            if video is not None and len(video) > limit:
                video, text = None, _(TOO_LARGE)
            with Caught("posting the time-lapse"):
                await self._post(job, person, channel, video, text, rules)

    async def _rules(self, channel: discord.PartialMessageable) -> Rules | None:
        """Return the rules of the channel's server; None if they cannot be read."""
        with Caught("the settings for a time-lapse"):
            return await self._guild_settings.rules(
                None if channel.guild_id is None else str(channel.guild_id)
            )
        return None

    async def _post(
        self,
        job: StoredJob,
        person: str,
        channel: discord.PartialMessageable,
        video: bytes | None,
        text: str | None,
        rules: Rules | None,
    ) -> None:
        prompt = escape(job.request.prompt, 200)
        words = text if video is None else _('Time-lapse of "{prompt}"', prompt=prompt)
        name = file_name(job.request.prompt, job.seed or 0, job.id, "mp4")
        hidden = (
            rules is None
            or bool(rules.value("spoiler"))
            or await self._store.picture_checks.needs_spoiler(job.id)
        )
        files = (
            []
            if video is None
            else [discord.File(io.BytesIO(video), filename=name, spoiler=hidden)]
        )
        await channel.send(f"<@{person}> {words}", files=files, allowed_mentions=pings(person))
