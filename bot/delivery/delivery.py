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
from functools import partial
from typing import Any, TypeVar

import discord

from bot.delivery import messages
from bot.delivery.direct_messages import open_private, send_direct_message
from bot.delivery.endings import (
    Tell,
    checked,
    close_finished,
    lost,
    replace_answer,
    shown_before,
    stored_ending,
)
from bot.delivery.grid_job import GridEnded, GridJob
from bot.delivery.grids import Grids
from bot.delivery.picture_check import strictest_action
from bot.delivery.progress import ProgressMessage
from bot.delivery.results import Poster, Results, shows_strip
from bot.delivery.strip import Previews
from bot.errors import Caught, report
from bot.guild.rules import GuildSettings, Rules
from bot.host.logs import about_job
from bot.language import _, mark, using_language
from bot.requests.channels import as_number, channel_of_job
from data.jobs.stored import StoredJob
from data.store import Store
from engine.errors import EngineError
from engine.events import Cancelled, Done, Ending, Failed, Progress, Queued
from engine.jobs.job import Job
from engine.jobs.patience import Patience
from engine.jobs.queue import PaintQueue

log = logging.getLogger(__name__)

NoteDeleted = Callable[[int, Sequence[int]], Awaitable[None]]
Each = TypeVar("Each")
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
        self._patience = Patience()
        self._grids = Grids(store, guild_settings, client, results, self._patience)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._taking: set[asyncio.Task[None]] = set()
        self._progress: dict[str, ProgressMessage] = {}
        self._requests: dict[str, Job | GridJob] = {}
        self._grid_jobs: dict[str, GridJob] = {}
        self._closing = False

    @property
    def busy(self) -> bool:
        """Whether any job is being followed or delivered."""
        return bool(self._tasks or self._taking)

    def follow(
        self,
        jobs: Sequence[Job],
        rules: Rules,
        *,
        answers: int | None = None,
        message_id: int | None = None,
        tell: Tell | None = None,
    ) -> None:
        """Show a job's progress, as a reply to the message ``answers``, and deliver its result.

        Several ``jobs`` are those of one grid. ``message_id`` is the progress message that there
        is: from before a restart, or from :meth:`open_private`. ``tell`` replaces the answer that
        the member got to the command, if the result cannot be posted anywhere.
        """
        job: Job | GridJob = jobs[0]
        if jobs[0].grid is not None:
            job = GridJob(jobs[0].grid, [each.id for each in jobs], jobs)
        self._begin(job, rules, message_id, answers, tell)

    def _begin(
        self,
        job: Job | GridJob,
        rules: Rules,
        message_id: int | None,
        answers: int | None = None,
        tell: Tell | None = None,
    ) -> None:
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

    def continue_taken(self, jobs: Sequence[Job]) -> None:
        """Continue what another living process showed: waiting jobs, of one grid if several."""
        id = jobs[0].grid or jobs[0].id
        before = self._tasks.get(id)

        async def take_up() -> None:
            if before is not None:  # this process had it before the other one
                await asyncio.wait([before])
            try:
                await self.continue_with(jobs, [])
            except EngineError as error:  # the row stays undelivered, so the next start tries again
                report(error, "the delivery of a job that was taken")

        task = asyncio.create_task(take_up(), name=f"taking up {id}")
        self._taking.add(task)
        task.add_done_callback(self._taking.discard)

    async def continue_with(self, jobs: Sequence[Job], untold: Sequence[StoredJob]) -> None:
        """Continue what another process left: jobs in the queue, and ends not announced yet."""
        grids: dict[str, list[Job]] = {}
        for job in jobs:
            if job.grid is not None:
                grids.setdefault(job.grid, []).append(job)
                continue
            stored = await self._store.job(job.id)
            message_id = as_number(stored.progress_message_id) if stored else None
            rules = await self._guild_settings.rules(job.place.guild_id)
            self._begin(job, rules, message_id)
        for id, members in grids.items():
            grid, first = await self._grids.resumed(members, id)
            rules = await self._guild_settings.rules(first.guild_id)
            self._begin(grid, rules, as_number(first.progress_message_id))
        for stored in untold:
            self._deliver_later(stored)

    def _deliver_later(self, stored: StoredJob) -> None:
        id = stored.grid or stored.id
        if not self._closing and id not in self._tasks:
            self._start(id, self._deliver_stored(stored))

    async def retry_refused(self, guild_id: int) -> None:
        """Post again what a server's channels refused earlier: they may accept it now."""
        for job_id in self._results.refused(guild_id):
            if (task := self._tasks.get(job_id)) is not None:
                # The channel refused it a moment ago, and the task still says so elsewhere.
                await asyncio.wait([task])
            stored = await self._store.job(job_id)
            if stored is not None and stored.delivered_at is None:
                self._deliver_later(stored)

    async def retry_all_refused(self) -> None:
        """Do the same for all servers, whose events may come to other processes."""
        for guild_id in self._results.refused_in():
            await self.retry_refused(guild_id)

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
        for task in (*last_updates, *tasks.values(), *self._taking):
            task.cancel()
        await asyncio.gather(*tasks.values(), *last_updates, *self._taking, return_exceptions=True)

    async def stop_posting(self, job_id: str, seconds: float) -> None:
        """Wait up to ``seconds`` for a job's posting, then end it, before the job is deleted.

        A grid that is still painted goes on: its result will be without the picture.
        """
        id = next((id for id, job in self._grid_jobs.items() if job_id in job.ids), job_id)
        task = None if id in self._grid_jobs and id in self._requests else self._tasks.get(id)
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
        self._grid_jobs.pop(job_id, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            # The row stays undelivered, so the next start tries again.
            with about_job(job_id):
                report(error, "the delivery")

    def _interval(self, job: Job | GridJob, seconds: float) -> float:
        """Return the seconds between edits: longer for queue positions than for previews."""
        if isinstance(job.latest, Queued) and seconds:
            return max(WAITING_SECONDS, 2.0 * len(self._tasks))
        return seconds

    async def _follow(
        self,
        job: Job | GridJob,
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
            shape = _shape_of(job)
            self._progress[job.id], self._requests[job.id] = progress, job
            if isinstance(job, GridJob):
                self._grid_jobs[job.id] = job
            preferences = await self._store.people.preferences(job.person)
            if preferences.previews and shows_strip(rules):
                progress.previews = Previews()
            events, overlay = aiter(job), b""
            while (event := await self.next_event(events)) is not None:
                if isinstance(event, Queued):
                    progress.show(shape(messages.queued(job.person, job.request, event)))
                elif isinstance(event, Progress):
                    overlay = event.overlay or overlay
                    progress.keep_preview(event)
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
                    del self._requests[job.id]  # from here on, `close` must not say it continues
                    if isinstance(job, Job):
                        assert not isinstance(event, GridEnded)
                        await self._end(job, event, progress, overlay, tell)
                    else:
                        progress.stop_updates()
                        await self._end_grid(job.id, progress, tell=tell)
                    return
            if not self._closing:  # another process has the job, and shows it in the same message
                await progress.close()

    async def next_event(self, events: AsyncIterator[Each]) -> Each | None:
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
        shape = _shape_of(job)
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
        event, verdict = await checked(self._store, stored, event, rules)
        link = await self._results.post(
            stored, event, verdict, rules, look_first=False, previews=progress.previews
        )
        if isinstance(event, Failed):
            await progress.close(shape(messages.ended(job.request, _(_FAILED))))
        elif link is not None:
            text = shape(messages.finished(event, link, job.request, overlay))
            await close_finished(progress, text, rules, stored)
        else:
            words = lost(stored)
            await progress.close(shape(messages.ended(job.request, words)))
            await replace_answer(tell, words)
        await send_direct_message(self._store.people, self._client, stored, event, link)

    async def _end_grid(
        self,
        id: str,
        progress: ProgressMessage | None,
        *,
        tell: Tell | None = None,
        look_first: bool = False,
    ) -> None:
        previews = None if progress is None else progress.previews
        outcome = await self._grids.deliver(id, look_first=look_first, previews=previews)
        if outcome is None:
            return
        lead, event = outcome.lead, outcome.event
        if progress is None:
            return
        if isinstance(event, Done) and outcome.link is not None:
            text = messages.finished(event, outcome.link, lead.request)
            await close_finished(progress, text, outcome.rules, lead)
            return
        words = _(_CANCELLED if isinstance(event, Cancelled) else _FAILED)
        if isinstance(event, Done):
            words = lost(lead)
            await replace_answer(tell, words)
        await progress.close(messages.as_grid(messages.ended(lead.request, words), outcome.number))

    async def _deliver_stored(self, stored: StoredJob) -> None:
        with about_job(stored.id), using_language(stored.locale):
            if stored.grid is not None:
                first = (await self._store.grid(stored.grid))[0]
                await self._end_grid(
                    stored.grid, shown_before(self._client, first), look_first=True
                )
                return
            event = await self._patience.until_done(
                lambda: stored_ending(self._store, stored), stored.id
            )
            link = None
            if not isinstance(event, Cancelled):
                rules = await self._guild_settings.rules(stored.guild_id)
                event, verdict = await checked(self._store, stored, event, rules)
                link = await self._results.post(stored, event, verdict, rules, look_first=True)
            old = shown_before(self._client, stored)
            if old is not None:
                shape = _shape_of(stored)
                if isinstance(event, Cancelled):
                    await old.close(shape(messages.ended(stored.request, _(_CANCELLED))))
                elif isinstance(event, Failed):
                    await old.close(shape(messages.ended(stored.request, _(_FAILED))))
                elif link is not None:
                    text = messages.finished(event, link, stored.request)
                    await close_finished(old, shape(text), rules, stored)
            if isinstance(event, Cancelled):
                await self._store.set_told(stored.id)
            await send_direct_message(self._store.people, self._client, stored, event, link)


def _shape_of(job: Job | GridJob | StoredJob) -> Callable[[messages.Text], messages.Text]:
    """Return what a job's messages pass: nothing, or the shape of a time-lapse's or a grid's."""
    if isinstance(job, GridJob):
        return partial(messages.as_grid, number=len(job.ids))
    return (lambda text: text) if job.time_lapse_of is None else messages.as_time_lapse


async def _show_paused(job: Job | GridJob, progress: ProgressMessage) -> None:
    with using_language(job.place.locale):
        shape = _shape_of(job)
        await progress.close(shape(messages.paused(job.person, job.request)))
