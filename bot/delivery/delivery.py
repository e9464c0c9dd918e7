"""From a job's events to messages in its channel: progress, then the result, once.

One task follows each job. The progress message is best effort: it may be deleted, refused or late.
The result must arrive: posting is retried until Discord accepts it or refuses it for good; then the
message's id is stored, and until then every start of the bot tries again. The same holds for a
failure. A cancelled job only changes its progress message.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any

import aiohttp
import discord

from bot.delivery import messages
from bot.delivery.direct_messages import open_private, send_direct_message
from bot.delivery.picture_check import Verdict, check_picture, strictest_action
from bot.delivery.progress import ProgressMessage
from bot.delivery.results import Poster, Results
from bot.errors import Caught, report
from bot.guild.rules import GuildSettings, Rules
from bot.host.logs import about_job
from bot.language import _, mark, using_language
from bot.requests.channels import as_number, channel_of_job
from data.jobs.stored import StoredJob
from data.store import Store
from engine.events import Cancelled, Done, Ending, Event, Failed, Progress, Queued
from engine.jobs.job import Job
from engine.jobs.patience import Patience
from engine.jobs.queue import PaintQueue

log = logging.getLogger(__name__)

Tell = Callable[[str], Awaitable[Any]]
NoteDeleted = Callable[[int, Sequence[int]], Awaitable[None]]
WAITING_SECONDS = 20.0
CLOSING_SECONDS = 4.0
_CANCELLED, _FAILED = mark("Cancelled."), mark("This one failed.")


class Delivery:
    """Follows jobs, and posts their results.

    ``preview_seconds`` is the least time between two edits of one progress message, unless the
    server set another. ``note_deleted`` gets the channel and the ids of messages that turn out to
    be deleted.
    """

    def __init__(
        self,
        store: Store,
        queue: PaintQueue,
        guild_settings: GuildSettings,
        client: Poster,
        results: Results,
        preview_seconds: float,
        note_deleted: NoteDeleted,
    ) -> None:
        self._store = store
        self._queue = queue
        self._guild_settings = guild_settings
        self._client = client
        self._results = results
        self._preview_seconds = preview_seconds
        self._note_deleted = note_deleted
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._progress: dict[str, ProgressMessage] = {}
        self._requests: dict[str, Job] = {}
        self._patience = Patience()
        self._closing = False

    @property
    def busy(self) -> bool:
        """Whether any job is being followed or delivered."""
        return bool(self._tasks)

    def follow(
        self,
        job: Job,
        rules: Rules,
        *,
        answers: int | None = None,
        message_id: int | None = None,
        tell: Tell | None = None,
    ) -> None:
        """Show the job's progress, as a reply to the message ``answers``, and deliver its result.

        ``message_id`` is the progress message that there is: from before a restart, or from
        :meth:`open_private`. ``tell`` replaces the answer that the member got to the command, if
        the result cannot be posted anywhere.
        """
        if job.id not in self._tasks and not self._closing:
            self._start(job.id, self._follow(job, rules, message_id, answers, tell))

    async def open_private(self, person: str, locale: str) -> discord.Message:
        """Send the message that will show a private job's progress; raises DirectMessageError.

        It is sent before the job is queued, because nothing else tells whether it can be.
        """
        with using_language(locale):
            return await open_private(self._client, person)

    async def take_up(self) -> None:
        """Continue what the previous process left, after a start."""
        await self.continue_with(self._queue.resumed(), await self._store.undelivered())

    async def continue_with(self, jobs: Sequence[Job], untold: Sequence[StoredJob]) -> None:
        """Continue what another process left: jobs in the queue, and ends not announced yet."""
        for job in jobs:
            stored = await self._store.job(job.id)
            self.follow(
                job,
                await self._guild_settings.rules(job.place.guild_id),
                message_id=as_number(stored.progress_message_id) if stored else None,
            )
        for stored in untold:
            if not self._closing and stored.id not in self._tasks:
                self._start(stored.id, self._deliver_stored(stored))

    async def retry_refused(self, guild_id: int) -> None:
        """Post again what a server's channels refused earlier: they may accept it now."""
        for job_id in self._results.refused(guild_id):
            if (task := self._tasks.get(job_id)) is not None:
                # The channel refused it a moment ago, and the task still says so elsewhere.
                await asyncio.wait([task])
            stored = await self._store.job(job_id)
            if (
                stored is not None
                and stored.delivered_at is None
                and not self._closing
                and job_id not in self._tasks
            ):
                self._start(job_id, self._deliver_stored(stored))

    async def close(self) -> None:
        """Tell the channels that work pauses, and stop; takes a few seconds at most."""
        self._closing = True
        tasks = dict(self._tasks)
        last_updates = [
            asyncio.create_task(_show_paused(job, progress))
            for job_id, progress in self._progress.items()
            if (job := self._requests.get(job_id)) is not None
        ]
        # Wait for what is being posted, but not for jobs that still run.
        posting = [task for job_id, task in tasks.items() if job_id not in self._requests]
        if last_updates or posting:
            await asyncio.wait([*last_updates, *posting], timeout=CLOSING_SECONDS)
        for task in (*last_updates, *tasks.values()):
            task.cancel()
        await asyncio.gather(*tasks.values(), *last_updates, return_exceptions=True)

    async def stop_posting(self, job_id: str, seconds: float) -> None:
        """Wait up to ``seconds`` for a job's posting, then end it, before the job is deleted."""
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
            # The row stays undelivered, so the next start tries again.
            with about_job(job_id):
                report(error, "the delivery")

    def _interval(self, job: Job, seconds: float) -> float:
        """Return the seconds between edits: longer for queue positions than for previews."""
        if isinstance(job.latest, Queued) and seconds:
            return max(WAITING_SECONDS, 2.0 * len(self._tasks))
        return seconds

    async def _follow(
        self,
        job: Job,
        rules: Rules,
        message_id: int | None,
        answers: int | None,
        tell: Tell | None,
    ) -> None:
        with about_job(job.id), using_language(job.place.locale):
            channel = channel_of_job(self._client, job.place)

            async def remember(posted: int) -> None:
                await self._store.set_progress_message(
                    job.id, str(posted), job.place.private_channel_id
                )

            if message_id is not None and not job.resumed:
                with Caught("storing a private job's message"):
                    await remember(message_id)
            # The host's value, unless the server set its own.
            seconds = (
                rules.value("preview_seconds")
                if rules.source("preview_seconds") == "server"
                else self._preview_seconds
            )
            progress = ProgressMessage(
                channel,
                job.id,
                message_id,
                lambda: self._interval(job, seconds),
                remember,
                may_be_there=job.resumed and message_id is None,
                answers=answers,
                note_deleted=self._note_deleted,
            )
            shape = _shape_of(job.time_lapse_of)
            self._progress[job.id], self._requests[job.id] = progress, job
            preferences = await self._store.people.preferences(job.person)
            events, overlay = aiter(job), b""
            while (event := await self.next_event(events)) is not None:
                if isinstance(event, Queued):
                    progress.show(shape(messages.queued(job.person, job.request, event)))
                elif isinstance(event, Progress):
                    overlay = event.overlay or overlay
                    # Previews follow the same rules as the finished picture.
                    strictest = strictest_action(rules)
                    seen = (
                        event
                        if preferences.previews and strictest != "withhold"
                        else (replace(event, preview=b"", overlay=b""))
                    )
                    text = shape(messages.painting(job.person, job.request, seen))
                    hidden = job.place.spoiler or rules.value("spoiler") or strictest == "spoiler"
                    progress.show(messages.spoilered(text) if hidden else text)
                else:
                    await self._end(job, event, progress, overlay, tell)
                    return

    async def next_event(self, events: AsyncIterator[Event]) -> Event | None:
        """Return the job's next event, however long it takes; None if the queue closed."""
        return await anext(events, None)

    async def _end(
        self,
        job: Job,
        event: Ending,
        progress: ProgressMessage,
        overlay: bytes,
        tell: Tell | None,
    ) -> None:
        del self._requests[job.id]  # from here on :meth:`close` must not say that it continues
        shape = _shape_of(job.time_lapse_of)
        if isinstance(event, Cancelled):
            await progress.close(shape(messages.ended(job.request, _(_CANCELLED))))
            await self._store.set_told(job.id)
            return
        # The result does not wait for an edit that rate limits hold up.
        progress.stop_updates()
        stored = await self._store.job(job.id)
        if stored is None:
            return  # deleted while it was painted
        # Jobs may wait for hours: use the settings that the server has now.
        rules = await self._guild_settings.rules(stored.guild_id)
        event, verdict = await self._checked(stored, event, rules)
        link = await self._results.post(stored, event, verdict, rules, look_first=False)
        if isinstance(event, Failed):
            await progress.close(shape(messages.ended(job.request, _(_FAILED))))
        elif link is not None:
            text = shape(messages.finished(event, link, job.request, overlay))
            await _close_finished(progress, text, rules, stored)
        else:
            lost = _lost(stored)
            await progress.close(shape(messages.ended(job.request, lost)))
            await _tell(tell, lost)
        await send_direct_message(self._store.people, self._client, stored, event, link)

    async def _deliver_stored(self, stored: StoredJob) -> None:
        with about_job(stored.id), using_language(stored.locale):
            event = await self._patience.until_done(lambda: self._stored_ending(stored), stored.id)
            link = None
            if not isinstance(event, Cancelled):
                rules = await self._guild_settings.rules(stored.guild_id)
                event, verdict = await self._checked(stored, event, rules)
                link = await self._results.post(stored, event, verdict, rules, look_first=True)
            if stored.progress_message_id is not None:
                channel = channel_of_job(self._client, stored.place)
                old = ProgressMessage(
                    channel, stored.id, int(stored.progress_message_id), lambda: 0.0, _forget
                )
                shape = _shape_of(stored.time_lapse_of)
                if isinstance(event, Cancelled):
                    await old.close(shape(messages.ended(stored.request, _(_CANCELLED))))
                elif isinstance(event, Failed):
                    await old.close(shape(messages.ended(stored.request, _(_FAILED))))
                elif link is not None:
                    text = messages.finished(event, link, stored.request)
                    await _close_finished(old, shape(text), rules, stored)
            if isinstance(event, Cancelled):
                await self._store.set_told(stored.id)
            await send_direct_message(self._store.people, self._client, stored, event, link)

    async def _checked(
        self, stored: StoredJob, event: Done | Failed, rules: Rules
    ) -> tuple[Done | Failed, Verdict]:
        """Return the event to deliver, and the findings in the picture."""
        if isinstance(event, Done):
            return await check_picture(self._store.picture_checks, rules, stored, event)
        return event, Verdict()

    async def _stored_ending(self, stored: StoredJob) -> Ending:
        if stored.state == "cancelled":
            return Cancelled()  # its partial picture is not posted
        if stored.state == "failed":
            return Failed(stored.error or _("This picture couldn't be painted. Try again."))
        if stored.time_lapse_of is not None:
            video = await self._store.time_lapse(stored.id)
            if video is None:
                return Failed(_("This time-lapse's file is gone. Press Again to make a new one."))
            return replace(_done_from(stored, b""), video=video)
        picture = await self._store.picture(stored.id)
        if picture is None:
            return Failed(_("This picture's file is gone. Press Again to paint a new one."))
        return _done_from(stored, picture)


def _shape_of(time_lapse_of: str | None) -> Callable[[messages.Text], messages.Text]:
    """Return what a job's messages pass: nothing, or the shape of a time-lapse's."""
    return (lambda text: text) if time_lapse_of is None else messages.as_time_lapse


def _lost(stored: StoredJob) -> str:
    """Return what is told about a result that was refused everywhere."""
    if stored.time_lapse_of is not None:
        return _("I couldn't post the time-lapse here.")
    if stored.place.private:
        return _("Painted, but I can't DM you. Find it in /history.")
    return _("Painted, but I couldn't post it here. Find it in /history.")


def _done_from(stored: StoredJob, picture: bytes) -> Done:
    result = dict(stored.result or {})
    return Done(
        picture,
        seed=stored.seed,
        seconds=float(result.get("seconds", 0)),
        iterations=int(result.get("iterations", 0)),
        width=int(result.get("width", 0)),
        height=int(result.get("height", 0)),
        notices=tuple(result.get("notices", ())),
        stopped=bool(result.get("stopped", False)),
        scores=dict(result.get("scores", {})),
    )


async def _show_paused(job: Job, progress: ProgressMessage) -> None:
    with using_language(job.place.locale):
        shape = _shape_of(job.time_lapse_of)
        await progress.close(shape(messages.paused(job.person, job.request)))


async def _close_finished(
    progress: ProgressMessage, text: messages.Text, rules: Rules, stored: StoredJob
) -> None:
    """Make the progress message a short line, or remove it, as the server wants."""
    if rules.value("progress") == "remove":
        await progress.remove()
    else:
        hidden = rules.value("spoiler") or stored.spoiler
        await progress.close(messages.spoilered(text) if hidden else text)


async def _tell(tell: Tell | None, text: str) -> None:
    """Replace the answer to the command, which says that the job is queued."""
    if tell is None:
        return
    try:
        await tell(text)
    except (discord.HTTPException, aiohttp.ClientError, TimeoutError) as error:
        # An interaction can be answered for 15 minutes only.
        log.info("The answer to the command could not be replaced: %s", error)


async def _forget(posted: int) -> None:
    """Ignore the id: a message that is only edited has no new one."""
