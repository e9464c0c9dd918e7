"""Accepting requests: through the gates, into the queue, and on to the delivery."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol
from weakref import WeakValueDictionary

import aiohttp
import discord

from bot.errors import BotError, ClosingError, report, user_message
from bot.guild.rules import GuildSettings, Rules
from bot.host.logs import about_job
from bot.host.models import check_words
from bot.language import _, mark, plural, translated
from bot.language.formatting import escape, place_in_queue
from bot.requests.asking import Asking
from bot.requests.edit_size import size_note
from bot.requests.gate import Gate
from bot.requests.limits import check_number
from bot.requests.mask_note import mask_note
from bot.requests.origin import Origin
from engine.errors import EngineError, OvertakenError
from engine.events import Queued
from engine.jobs.job import Job, Place
from engine.jobs.queue import PaintQueue
from engine.request.grid import each_of

log = logging.getLogger(__name__)

CLOSING = mark("I'm restarting. Try again in a minute.")


class Follower(Protocol):
    """Follows jobs and shows their progress."""

    def follow(
        self,
        jobs: Sequence[Job],
        rules: Rules,
        *,
        answers: int | None = None,
        message_id: int | None = None,
        tell: Callable[[str], Awaitable[Any]] | None = None,
    ) -> None:
        """Show a job's progress, replying to the message ``answers``, and deliver its result.

        Several ``jobs`` are those of one grid. The progress is shown in the message ``message_id``
        if there is one already. ``tell`` replaces the answer to the command if the result cannot be
        posted anywhere.
        """

    async def open_private(self, person: str, locale: str) -> discord.Message:
        """Send the message that will show a private job's progress; raises DirectMessageError."""


class Intake:
    """Accepts requests, from commands, buttons, modals and messages.

    Nothing else submits jobs to the queue, and each one passes the gate first.
    """

    def __init__(
        self, queue: PaintQueue, guild_settings: GuildSettings, gate: Gate, follower: Follower
    ) -> None:
        self._queue = queue
        self._guild_settings = guild_settings
        self._gate = gate
        self._follower = follower
        self._closing = False
        # One at a time, so that a few large pictures do not take up all threads of the process.
        self._reading = asyncio.Lock()
        # A lock lives as long as anyone waits for it.
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def ask(self, asking: Asking) -> list[Job]:
        """Queue a picture, or a grid; follow it, tell the user its position; return its jobs.

        Raises BotError or EngineError, with nothing queued, if the request is refused.
        """
        jobs = await self._accept(asking)
        event = jobs[0].latest
        place = (
            place_in_queue(event.position, event.eta) if isinstance(event, Queued) else _("Queued")
        )
        if len(jobs) > 1:
            number = plural("{number} picture", "{number} pictures", len(jobs))
            place = _("{what} · {number}", what=place, number=number)
        await self._tell([(asking, jobs)], f"{place}.")
        return jobs

    async def ask_all(self, askings: Sequence[Asking]) -> list[Job]:
        """Queue the pictures of one prompt, as many as the user's limits allow; return the jobs.

        Raises BotError or EngineError if the first one is refused; or another one, if the user can
        only be told by a reply.
        """
        if len(askings) == 1:
            return await self.ask(askings[0])
        rules = await self._guild_settings.rules(askings[0].origin.place.guild_id)
        check_number(len(askings), rules)
        accepted: list[tuple[Asking, list[Job]]] = []
        refusal: BotError | EngineError | None = None
        for asking in askings:
            try:
                accepted.append((asking, await self._accept(asking)))
            except (BotError, EngineError) as error:
                if not accepted or asking.origin.tell is None:
                    raise
                refusal = error
                break
        queued = [job for _asking, jobs in accepted for job in jobs]
        text = plural("Queued {number} picture.", "Queued {number} pictures.", len(queued))
        if refusal is not None:
            text = f"{text} {_('The rest was refused: {reason}', reason=user_message(refusal))}"
        await self._tell(accepted, text)
        return queued

    async def _accept(self, asking: Asking) -> list[Job]:
        """Queue and follow one job, or a grid's; raises BotError or EngineError."""
        origin = asking.origin
        if self._closing:
            raise ClosingError(_(CLOSING))
        # One request per user at a time, so that none slips past a limit while another is counted.
        async with self._turn(origin.person), self._turn_for_time_lapse(asking):
            while True:
                # The rules at this moment apply to everything that is checked and shown from here.
                rules = await self._guild_settings.rules(origin.place.guild_id)
                # Another process can have accepted a job of this person while this one was checked.
                with contextlib.suppress(OvertakenError):
                    jobs, message_id = await self._take(asking, rules)
                    break
        with about_job(jobs[0].id):
            self._follower.follow(
                jobs, rules, answers=origin.message_id, message_id=message_id, tell=origin.tell
            )
        return jobs

    async def _tell(self, accepted: Sequence[tuple[Asking, list[Job]]], text: str) -> None:
        """Answer a command, with what is not plain about its words, its size and its mask."""
        tell = accepted[0][0].origin.tell
        if tell is None:
            return
        firsts = [(asking, jobs[0]) for asking, jobs in accepted]
        with about_job(firsts[0][1].id):
            notices = dict.fromkeys(
                [notice for asking, job in firsts for notice in await self._notices(asking, job)]
            )
            if firsts[0][1].relaxed:
                relaxed = _("Relaxed: I'll paint it when nobody else is waiting.")
                text = f"{text}\n{relaxed}"
            if any(job.place.private and job.place.guild_id is not None for _asked, job in firsts):
                private = _("It's private: I'll send it to you in a direct message.")
                text = f"{text}\n{private}"
            try:
                await tell("\n".join([text, *notices]))
            except (discord.HTTPException, aiohttp.ClientError, TimeoutError) as error:
                # The job is queued; its progress message tells the rest.
                report(error, "the acknowledgement")

    async def _notices(self, asking: Asking, job: Job) -> list[str]:
        """Return sentences about unknown words, the size and the mask, escaped."""
        notices = []
        for note in (size_note, mask_note):
            async with self._reading:
                text = await asyncio.to_thread(note, asking, job.request)
            notices += [] if text is None else [text]
        with contextlib.suppress(EngineError):  # a continued job whose model was replaced
            notices += [escape(translated(each)) for each in await check_words(job.request)]
        return notices

    async def change(
        self,
        origin: Origin,
        guild_id: str | None,
        job_ids: Sequence[str],
        change: Mapping[str, Any],
    ) -> bool:
        """Change a picture that is painted, or all of a grid; False if none of them is.

        ``guild_id`` is the server in which they were asked for, whose rules hold. Raises
        BotError or EngineError, with nothing changed, if that is refused.
        """
        if self._closing:
            raise ClosingError(_(CLOSING))
        async with self._turn(f"changes {job_ids[0]}"):
            rules = await self._guild_settings.rules(guild_id)
            for job_id in job_ids:
                await self._gate.check_change(origin, job_id, change, rules)
            changed = [await self._queue.steer(job_id, change) for job_id in job_ids]
        return any(changed)

    async def asked(self, person: str) -> None:
        """Wait until the user's current request is queued or refused."""
        async with self._turn(person):
            pass

    def _turn(self, key: str) -> asyncio.Lock:
        return self._turns.setdefault(key, asyncio.Lock())

    def _turn_for_time_lapse(
        self, asking: Asking
    ) -> contextlib.AbstractAsyncContextManager[object]:
        """Return the turn of one picture's time-lapses, so that two people start one, not two."""
        shows = asking.shows
        return contextlib.nullcontext() if shows is None else self._turn(f"shows {shows.job_id}")

    def close(self) -> None:
        """Accept no more requests."""
        self._closing = True

    async def _take(self, asking: Asking, rules: Rules) -> tuple[list[Job], int | None]:
        """Queue the jobs, and return them with the message that was sent before, if any."""
        newest = await self._gate.newest(asking.origin.person)
        request = await self._gate.check(asking, rules)
        requests = each_of(request)
        share = await self._gate.share(asking.origin, rules, relax=request.relax)
        continues, shows = asking.continues, asking.shows
        person = asking.origin.person
        parent = asking.origin.parent if shows is None else None
        pictures = {each.sha256: each.data for each in asking.pictures}
        place, message = await self._place(asking.origin, rules)
        try:
            if len(requests) > 1:
                jobs = await self._queue.submit_grid(
                    requests,
                    person=person,
                    place=place,
                    pictures=pictures,
                    after=newest,
                    parent=parent,
                    share=share,
                )
            else:
                job = await self._queue.submit(
                    requests[0],
                    person=person,
                    place=place,
                    pictures=pictures,
                    continues=None if continues is None else continues.job_id,
                    time_lapse_of=None if shows is None else shows.job_id,
                    work=asking.work if asking.is_fixed else None,
                    after=newest,
                    parent=parent,
                    share=share,
                )
                jobs = [job]
        except EngineError:
            if message is not None:
                with contextlib.suppress(discord.HTTPException, aiohttp.ClientError):
                    await message.delete()
            raise
        for job in jobs:
            log.info("asked by %s", asking.origin.way, extra={"job": job.id})
        return jobs, None if message is None else message.id

    async def _place(self, origin: Origin, rules: Rules) -> tuple[Place, discord.Message | None]:
        """Return where the job is shown, and the first message about a private one.

        Direct messages are private anyway, and get no such message.
        """
        place = replace(rules.place(origin.place), spoiler=_is_hidden(origin, rules))
        if not origin.private:
            return place, None
        if place.guild_id is None:
            return replace(place, private_channel_id=place.channel_id), None
        message = await self._follower.open_private(origin.person, place.locale)
        return replace(place, private_channel_id=str(message.channel.id)), message


def _is_hidden(origin: Origin, rules: Rules) -> bool:
    """Whether the user, or a role of theirs, wants the picture behind a spoiler."""
    return origin.place.spoiler or bool(origin.roles & set(rules.items("roles_spoiler")))
