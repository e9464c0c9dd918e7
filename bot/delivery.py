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
from typing import TYPE_CHECKING, Any

import aiohttp
import discord

from bot import messages
from bot.buttons import AgainButton, VideoButton
from bot.errors import describe, without_folders
from bot.logs import about_job
from bot.messages import Text
from bot.pictures import shrink
from bot.posting import Find, Make, post_once
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
_CANCELLED, _FAILED = "Cancelled.", "This one came to nothing."


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

    async def close(self) -> None:
        """Tell the channels that work rests, and stop; takes a few seconds at most."""
        self._closing = True
        tasks = dict(self._tasks)
        farewells = [
            asyncio.create_task(progress.close(messages.resting(job.person, job.request)))
            for job_id, progress in self._progress.items()
            if (job := self._requests.get(job_id)) is not None]
        # What is being posted just now may arrive; what merely waits for its job cannot.
        posting = [task for job_id, task in tasks.items() if job_id not in self._requests]
        if farewells or posting:
            await asyncio.wait([*farewells, *posting], timeout=CLOSING_SECONDS)
        for task in (*farewells, *tasks.values()):
            task.cancel()
        await asyncio.gather(*tasks.values(), *farewells, return_exceptions=True)

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

    def _interval(self, job: Job) -> float:
        """Seconds between edits: previews are news, places in the queue hardly are."""
        if isinstance(job.latest, Queued) and self.preview_seconds:
            return max(WAITING_SECONDS, 2.0 * len(self._tasks))
        return self.preview_seconds

    def channel(self, channel_id: str, guild_id: str | None) -> discord.PartialMessageable:
        """The channel of a job, whether the bot has it in its cache or not."""
        return self.bot.get_partial_messageable(
            int(channel_id), guild_id=None if guild_id is None else int(guild_id))

    async def _follow(self, job: Job, message_id: int | None) -> None:
        with about_job(job.id):
            channel = self.channel(job.place.channel_id, job.place.guild_id)

            async def remember(posted: int) -> None:
                await self.bot.store.set_progress_message(job.id, str(posted))

            progress = ProgressMessage(channel, job.id, message_id,
                                       lambda: self._interval(job), remember)
            self._progress[job.id], self._requests[job.id] = progress, job
            events = aiter(job)
            while (event := await self.next_event(events)) is not None:
                if isinstance(event, Queued):
                    progress.show(messages.queued(job.person, job.request, event))
                elif isinstance(event, Progress):
                    progress.show(messages.painting(job.person, job.request, event))
                else:
                    await self._end(job, event, progress)
                    return

    async def next_event(self, events: AsyncIterator[Event]) -> Event | None:
        """The job's next event, however long it takes; None where the queue was closed."""
        return await anext(events, None)

    async def _end(self, job: Job, event: Event, progress: ProgressMessage) -> None:
        del self._requests[job.id]  # what comes now is no rest
        if isinstance(event, Cancelled):
            await progress.close(messages.ended(job.request, _CANCELLED))
            await self.bot.store.set_told(job.id)
            return
        # The result does not wait for an edit in flight, which limits may hold up.
        progress.hush()
        stored = await self.bot.store.job(job.id)
        if stored is None:
            return  # deleted while it was painted
        link = await self._deliver(stored, event, look_first=False)
        if isinstance(event, Failed):
            await progress.close(messages.ended(job.request, _FAILED))
        elif isinstance(event, Done) and link is not None:
            await progress.close(messages.finished(job.request, event, link))

    async def _deliver_stored(self, stored: StoredJob) -> None:
        with about_job(stored.id):
            event = await self._stored_ending(stored)
            link = None
            if not isinstance(event, Cancelled):
                link = await self._deliver(stored, event, look_first=True)
            if stored.progress_message_id is not None:
                channel = self.channel(stored.channel_id, stored.guild_id)
                old = ProgressMessage(channel, stored.id, int(stored.progress_message_id),
                                      lambda: 0.0, _forget)
                if isinstance(event, Cancelled):
                    await old.close(messages.ended(stored.request, _CANCELLED))
                elif isinstance(event, Failed):
                    await old.close(messages.ended(stored.request, _FAILED))
                elif link is not None:
                    await old.close(messages.finished(stored.request, event, link))
            if isinstance(event, Cancelled):
                await self.bot.store.set_told(stored.id)

    async def _stored_ending(self, stored: StoredJob) -> Done | Failed | Cancelled:
        if stored.state == "cancelled":
            return Cancelled()  # its partial picture is not posted
        if stored.state == "failed":
            return Failed(stored.error or "The picture could not be painted; try again.")
        picture = await self.bot.store.picture(stored.id)
        if picture is None:
            return Failed("The picture's file is gone from my disk; press Again for a new one.")
        return _done_of(stored, picture)

    async def _deliver(self, stored: StoredJob, event: Event, *, look_first: bool) -> str | None:
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
                                       without_folders(event.reason))
            assert isinstance(event, Done)
            fitting = await asyncio.to_thread(shrink, event.picture, bytes_at_most)
            if fitting is None:
                return None
            data, ending = fitting
            name = file_name(stored.request.prompt, event.seed, stored.id, ending)
            return messages.result(stored.person, stored.request, event, (name, data))

        nonce = ("f" if isinstance(event, Failed) else "r") + stored.id
        own_id = None if self.bot.user is None else self.bot.user.id
        try:
            message_id = await post_once(
                channel, make, job_id=stored.id, nonce=nonce, person=stored.person, find=find,
                limit=limit, look_first=look_first, own_id=own_id)
        except discord.HTTPException as error:
            log.warning("The channel refuses the result: %s", error)
            return await self._deliver_directly(stored, make, find)
        if message_id is None:
            return None
        await self.bot.store.set_result_message(stored.id, str(message_id))
        log.info("Delivered as message %d", message_id)
        return channel.get_partial_message(message_id).jump_url

    async def _deliver_directly(self, stored: StoredJob, make: Make, find: Find) -> str | None:
        """The channel is gone or closed to us: send it to the person alone, if they let us."""
        try:
            user = self.bot.get_user(int(stored.person)) or (
                await self.bot.fetch_user(int(stored.person)))
            direct = await user.create_dm()
            message_id = await post_once(
                direct, make, job_id=stored.id, nonce=f"d{stored.id}",
                person=stored.person, find=find,
                limit=self.bot.upload_limit(None))
        except (discord.HTTPException, aiohttp.ClientError) as error:
            log.warning("Nor can it be sent to the person directly: %s", error)
            return None
        if message_id is None:
            return None
        await self.bot.store.set_result_message(stored.id, str(message_id))
        return direct.get_partial_message(message_id).jump_url


def _done_of(stored: StoredJob, picture: bytes) -> Done:
    result = dict(stored.result or {})
    return Done(picture, seed=stored.seed, seconds=float(result.get("seconds", 0)),
                iterations=int(result.get("iterations", 0)), width=int(result.get("width", 0)),
                height=int(result.get("height", 0)), notices=tuple(result.get("notices", ())),
                stopped=bool(result.get("stopped", False)))


def _number(id: str | int | None) -> int | None:
    return None if id is None else int(id)


async def _forget(_: int) -> None:
    """A message that is edited alone has no new id to remember."""
