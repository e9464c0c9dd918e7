"""From a job's events to messages in its channel: progress, then the result, once.

A job is followed by one task. The progress message is a courtesy: it may be deleted, refused or
late. The result must arrive: it is tried until Discord has it or refuses it for good, its
message's id is stored then, and until that is so every start of the bot tries again. So it is
with a failure; that a job was cancelled only its progress message says.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import aiohttp
import discord

from bot import messages
from bot.buttons import AgainButton, VideoButton
from bot.concepts import Verdict, check_picture, strongest_possible
from bot.errors import describe, is_passing, without_folders
from bot.language import _, mark, said, speaking
from bot.logs import about_job
from bot.messages import Text
from bot.notices import write_directly
from bot.pictures import shrink
from bot.posting import FIRST_PAUSE, LONGEST_PAUSE, Find, Make, post_once
from bot.progress import ProgressMessage
from bot.wording import file_name
from data.stored import StoredJob
from engine.events import Cancelled, Done, Event, Failed, Progress, Queued
from engine.job import Job

if TYPE_CHECKING:
    from bot.client import ImageBot

log = logging.getLogger(__name__)

WAITING_SECONDS = 20.0
CLOSING_SECONDS = 4.0
_CANCELLED, _FAILED = mark("Cancelled."), mark("This one came to nothing.")


class Delivery:
    """Follows jobs and delivers what becomes of them.

    ``preview_seconds`` is the least time between two edits of one progress message.
    """

    def __init__(self, bot: ImageBot, preview_seconds: float) -> None:
        self.bot = bot
        self.preview_seconds = preview_seconds
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._progress: dict[str, ProgressMessage] = {}
        self._requests: dict[str, Job] = {}
        # By server: what neither the channel nor the person would take.
        self._refused: dict[int, set[str]] = {}
        self._closing = False

    @property
    def busy(self) -> bool:
        """Whether any job is being followed or delivered."""
        return bool(self._tasks)

    def follow(self, job: Job, message_id: int | None = None) -> None:
        """Show the job's progress and deliver its end; ``message_id`` is from before a restart."""
        if job.id not in self._tasks and not self._closing:
            self._start(job.id, self._follow(job, message_id))

    async def take_up(self) -> None:
        """After a start: go on where the process before this one was interrupted."""
        for job in self.bot.queue.resumed():
            stored = await self.bot.store.job(job.id)
            self.follow(job, _number(stored.progress_message_id) if stored else None)
        for stored in await self.bot.store.undelivered():
            if stored.id not in self._tasks:
                self._start(stored.id, self._deliver_stored(stored))
        for name in ("on_guild_join", "on_guild_available"):
            self.bot.add_listener(self._opened, name)
        for name in ("on_guild_channel_update", "on_guild_role_update"):
            self.bot.add_listener(self._changed, name)

    async def _changed(self, _: object, after: discord.abc.GuildChannel | discord.Role) -> None:
        """Permissions may have been given back."""
        await self._opened(after.guild)

    async def _opened(self, guild: discord.Guild) -> None:
        """What a server's channels refused before may be taken now."""
        for job_id in self._refused.pop(guild.id, set()):
            stored = await self.bot.store.job(job_id)
            if (stored is not None and stored.delivered_at is None and not self._closing
                    and job_id not in self._tasks):
                self._start(job_id, self._deliver_stored(stored))

    async def close(self) -> None:
        """Tell the channels that work rests, and stop; takes a few seconds at most."""
        self._closing = True
        tasks = dict(self._tasks)
        farewells = [
            asyncio.create_task(_rest(job, progress))
            for job_id, progress in self._progress.items()
            if (job := self._requests.get(job_id)) is not None]
        # What is being posted just now may arrive; what merely waits for its job cannot.
        posting = [task for job_id, task in tasks.items() if job_id not in self._requests]
        if farewells or posting:
            await asyncio.wait([*farewells, *posting], timeout=CLOSING_SECONDS)
        for task in (*farewells, *tasks.values()):
            task.cancel()
        await asyncio.gather(*tasks.values(), *farewells, return_exceptions=True)

    async def let_go(self, job_id: str, seconds: float) -> None:
        """Wait so long for what is being posted about a job, then end it: the job is to go."""
        task = self._tasks.get(job_id)
        if task is not None:
            late = (await asyncio.wait([task], timeout=seconds))[1]
            for each in late:
                each.cancel()

    def _start(self, job_id: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name=f"delivery of {job_id}")
        self._tasks[job_id] = task
        task.add_done_callback(lambda done: self._ended(job_id, done))

    def _ended(self, job_id: str, task: asyncio.Task[None]) -> None:
        self._tasks.pop(job_id, None)
        self._progress.pop(job_id, None)
        self._requests.pop(job_id, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            # The row stays undelivered: the next start tries again.
            with about_job(job_id):
                describe(error, "the delivery")

    def _interval(self, job: Job, seconds: float) -> float:
        """Seconds between edits: previews are news, places in the queue hardly are."""
        if isinstance(job.latest, Queued) and seconds:
            return max(WAITING_SECONDS, 2.0 * len(self._tasks))
        return seconds

    def channel(self, channel_id: str, guild_id: str | None) -> discord.PartialMessageable:
        """The channel of a job, whether the bot has it in its cache or not."""
        return self.bot.get_partial_messageable(
            int(channel_id), guild_id=None if guild_id is None else int(guild_id))

    async def _follow(self, job: Job, message_id: int | None) -> None:
        with about_job(job.id), speaking(job.place.locale):
            channel = self.channel(job.place.channel_id, job.place.guild_id)

            async def remember(posted: int) -> None:
                await self.bot.store.set_progress_message(job.id, str(posted))

            rules = await self.bot.guild_settings.rules(job.place.guild_id)
            # In direct messages, and where no server said otherwise, as the host has it.
            seconds = (rules.value("preview_seconds")
                       if rules.source("preview_seconds") == "server" else self.preview_seconds)
            progress = ProgressMessage(
                channel, job.id, message_id, lambda: self._interval(job, seconds), remember,
                may_be_there=job.resumed and message_id is None)
            self._progress[job.id], self._requests[job.id] = progress, job
            preferences = await self.bot.people.preferences(job.person)
            events, overlay = aiter(job), b""
            while (event := await self.next_event(events)) is not None:
                if isinstance(event, Queued):
                    progress.show(messages.queued(job.person, job.request, event))
                elif isinstance(event, Progress):
                    overlay = event.overlay or overlay
                    # What the finished picture may not show its previews may not either.
                    feared = strongest_possible(rules)
                    seen = event if preferences.previews and feared != "withhold" else (
                        replace(event, preview=b"", overlay=b""))
                    text = messages.painting(job.person, job.request, seen)
                    hidden = rules.value("spoiler") or feared == "spoiler"
                    progress.show(messages.spoilered(text) if hidden else text)
                else:
                    await self._end(job, event, progress, overlay,
                                    hidden=bool(rules.value("spoiler")))
                    return

    async def next_event(self, events: AsyncIterator[Event]) -> Event | None:
        """The job's next event, however long it takes; None where the queue was closed."""
        return await anext(events, None)

    async def _end(self, job: Job, event: Event, progress: ProgressMessage, overlay: bytes, *,
                   hidden: bool) -> None:
        del self._requests[job.id]  # what comes now is no rest
        if isinstance(event, Cancelled):
            await progress.close(messages.ended(job.request, _(_CANCELLED)))
            await self.bot.store.set_told(job.id)
            return
        # The result does not wait for an edit in flight, which limits may hold up.
        progress.hush()
        stored = await self.bot.store.job(job.id)
        if stored is None:
            return  # deleted while it was painted
        verdict = Verdict()
        if isinstance(event, Done):
            event, verdict = await check_picture(self.bot, stored, event)
        link = await self._deliver(stored, event, verdict, look_first=False)
        if isinstance(event, Failed):
            await progress.close(messages.ended(job.request, _(_FAILED)))
        elif isinstance(event, Done) and link is not None:
            text = messages.finished(job.request, event, link, overlay)
            await progress.close(messages.spoilered(text) if hidden else text)
        else:
            await progress.close(messages.ended(job.request, _(
                "Painted, but I could not post it here; /history has it.")))
        await write_directly(self.bot, stored, event, link)

    async def _deliver_stored(self, stored: StoredJob) -> None:
        with about_job(stored.id), speaking(stored.locale):
            event = await self._stored_ending(stored)
            link, verdict = None, Verdict()
            if isinstance(event, Done):
                event, verdict = await check_picture(self.bot, stored, event)
            if not isinstance(event, Cancelled):
                link = await self._deliver(stored, event, verdict, look_first=True)
            if stored.progress_message_id is not None:
                channel = self.channel(stored.channel_id, stored.guild_id)
                old = ProgressMessage(channel, stored.id, int(stored.progress_message_id),
                                      lambda: 0.0, _forget)
                if isinstance(event, Cancelled):
                    await old.close(messages.ended(stored.request, _(_CANCELLED)))
                elif isinstance(event, Failed):
                    await old.close(messages.ended(stored.request, _(_FAILED)))
                elif link is not None:
                    await old.close(messages.finished(stored.request, event, link))
            if isinstance(event, Cancelled):
                await self.bot.store.set_told(stored.id)
            await write_directly(self.bot, stored, event, link)

    async def _stored_ending(self, stored: StoredJob) -> Done | Failed | Cancelled:
        if stored.state == "cancelled":
            return Cancelled()  # its partial picture is not posted
        if stored.state == "failed":
            return Failed(stored.error or _("The picture could not be painted; try again."))
        picture = await self.bot.store.picture(stored.id)
        if picture is None:
            return Failed(_("The picture's file is gone from my disk; press Again for a new one."))
        return _done_of(stored, picture)

    async def _deliver(self, stored: StoredJob, event: Event, verdict: Verdict, *,
                       look_first: bool) -> str | None:
        """Post the result or the failure; its link, None where it could not be posted."""
        channel = self.channel(stored.channel_id, stored.guild_id)
        limit = self.bot.upload_limit(_number(stored.guild_id))
        button = AgainButton if isinstance(event, Failed) else VideoButton

        def find(message: discord.Message) -> bool:
            return (messages.carries(message, button, stored.id)
                    and message.id != _number(stored.progress_message_id))

        async def make(bytes_at_most: int) -> Text | None:
            if isinstance(event, Failed):
                return messages.failed(stored.person, stored.request,
                                       without_folders(said(event.reason)))
            assert isinstance(event, Done)
            fitting = await asyncio.to_thread(shrink, event.picture, bytes_at_most)
            data, ending = fitting or (b"", "png")
            name = file_name(stored.request.prompt, event.seed, stored.id, ending)
            text = messages.result(stored.person, stored.request, event, (name, data),
                                   may_go=self.bot.settings.operations.pictures_mb > 0)
            text = verdict.marked(text)
            if fitting is None:
                text.embed.set_image(url=None)
                return replace(text, files=(), content=text.content + " " + _(
                    "Painted, but Discord takes no file as large here; /history has it."))
            rules = await self.bot.guild_settings.rules(stored.guild_id)
            hidden = rules.value("spoiler") or verdict.action == "spoiler"
            return messages.spoilered(text) if hidden else text

        nonce = ("f" if isinstance(event, Failed) else "r") + stored.id
        own_id = None if self.bot.user is None else self.bot.user.id
        try:
            message_id = await post_once(
                channel, make, job_id=stored.id, nonce=nonce, person=stored.person, find=find,
                limit=limit, look_first=look_first, own_id=own_id, after=_shown_by(stored))
        except discord.HTTPException as error:
            log.warning("The channel refuses the result: %s", error)
            return await self._deliver_directly(stored, make, find, look_first=look_first)
        if message_id is None:
            return None
        await self.bot.store.set_result_message(stored.id, str(message_id))
        log.info("Delivered as message %d", message_id)
        return channel.get_partial_message(message_id).jump_url

    async def _deliver_directly(self, stored: StoredJob, make: Make, find: Find, *,
                                look_first: bool) -> str | None:
        """The channel is gone or closed to us: send it to the person alone, if they let us."""
        try:
            direct = await self._direct_channel(int(stored.person))
            message_id = await post_once(
                direct, make, job_id=stored.id, nonce=f"d{stored.id}",
                person=stored.person, find=find, look_first=look_first,
                limit=self.bot.upload_limit(None), after=_shown_by(stored))
        except (discord.HTTPException, aiohttp.ClientError, TimeoutError, OSError) as error:
            log.warning("Nor can it be sent to the person directly: %s", error)
            if stored.guild_id is not None:
                self._refused.setdefault(int(stored.guild_id), set()).add(stored.id)
            return None
        if message_id is None:
            return None
        await self.bot.store.set_result_message(stored.id, str(message_id))
        return direct.get_partial_message(message_id).jump_url

    async def _direct_channel(self, person: int) -> discord.DMChannel:
        pause = FIRST_PAUSE
        while True:
            try:
                user = self.bot.get_user(person) or await self.bot.fetch_user(person)
                return await user.create_dm()
            except (discord.HTTPException, aiohttp.ClientError, TimeoutError, OSError) as error:
                if not is_passing(error) or pause > LONGEST_PAUSE:
                    raise
            await asyncio.sleep(pause)
            pause *= 2


def _done_of(stored: StoredJob, picture: bytes) -> Done:
    result = dict(stored.result or {})
    return Done(picture, seed=stored.seed, seconds=float(result.get("seconds", 0)),
                iterations=int(result.get("iterations", 0)), width=int(result.get("width", 0)),
                height=int(result.get("height", 0)), notices=tuple(result.get("notices", ())),
                stopped=bool(result.get("stopped", False)),
                scores=dict(result.get("scores", {})))


def _shown_by(stored: StoredJob) -> int:
    """A message that is older than any result: ids go by Discord's clock, which ours may not."""
    return _number(stored.progress_message_id) or 0


def _number(id: str | int | None) -> int | None:
    return None if id is None else int(id)


async def _rest(job: Job, progress: ProgressMessage) -> None:
    with speaking(job.place.locale):
        await progress.close(messages.resting(job.person, job.request))


async def _forget(posted: int) -> None:
    """A message that is edited alone has no new id to remember."""
