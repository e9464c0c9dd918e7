"""Accepting requests: through the gates, into the queue, and on to the delivery."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol
from weakref import WeakValueDictionary

import aiohttp
import discord

from bot.errors import Caught, ClosingError, report
from bot.guild.rules import GuildSettings, Rules
from bot.host.logs import about_job
from bot.host.models import check_model
from bot.host.settings import LimitSettings
from bot.language import _, mark
from bot.language.formatting import place_in_queue
from bot.requests.continuation import Continuation
from bot.requests.limits import check_limits
from bot.requests.origin import Gate, OnAccepted, Origin
from bot.requests.picture import Picture
from engine.events import Queued
from engine.jobs.job import Job
from engine.jobs.queue import PaintQueue
from engine.request.request import ImageRequest

CLOSING = mark("I'm restarting. Try again in a minute.")


class Follower(Protocol):
    """Follows jobs and shows their progress."""

    def follow(self, job: Job, rules: Rules, *, answers: int | None = None) -> None:
        """Show the job's progress, replying to the message ``answers``, and deliver its result."""


class Intake:
    """Accepts requests, from commands, buttons, modals and messages.

    ``gates`` check each request in their order, before the host's limits; ``taken`` are called for
    each job that was queued.
    """

    def __init__(
        self,
        queue: PaintQueue,
        guild_settings: GuildSettings,
        limits: LimitSettings,
        follower: Follower,
    ) -> None:
        self.gates: list[Gate] = []
        self.taken: list[OnAccepted] = []
        self._queue = queue
        self._guild_settings = guild_settings
        self._limits = limits
        self._follower = follower
        self._closing = False
        # A lock lives as long as anyone waits for it.
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def ask(
        self,
        origin: Origin,
        request: ImageRequest,
        pictures: Sequence[Picture] = (),
        continues: Continuation | None = None,
    ) -> None:
        """Queue a job, follow it, and tell the user its position.

        A continuation is checked by the work that is left, and nothing is filled in, because its
        picture is half painted. Raises BotError or EngineError, with nothing queued, if the request
        is refused.
        """
        if self._closing:
            raise ClosingError(_(CLOSING))
        # One request per user at a time, so that none slips past a limit while another is counted.
        async with self._turns.setdefault(origin.person, asyncio.Lock()):
            # The rules at this moment apply to everything that is checked and shown from here.
            rules = await self._guild_settings.rules(origin.place.guild_id)
            job = await self._take(origin, request, rules, pictures, continues)
        with about_job(job.id):
            self._follower.follow(job, rules, answers=origin.message_id)
            if origin.tell is None:
                return
            event = job.latest
            place = (
                place_in_queue(event.position, event.eta)
                if isinstance(event, Queued)
                else _("Queued")
            )
            try:
                await origin.tell(f"{place}.")
            except (discord.HTTPException, aiohttp.ClientError, TimeoutError) as error:
                # The job is queued; its progress message tells the rest.
                report(error, "the acknowledgement")

    async def asked(self, person: str) -> None:
        """Wait until the user's current request is queued or refused."""
        async with self._turns.setdefault(person, asyncio.Lock()):
            pass

    def close(self) -> None:
        """Accept no more requests."""
        self._closing = True

    async def _take(
        self,
        origin: Origin,
        request: ImageRequest,
        rules: Rules,
        pictures: Sequence[Picture],
        continues: Continuation | None,
    ) -> Job:
        work = request if continues is None else continues.work
        for gate in self.gates:
            work = await gate(origin, work, rules)
        request = work if continues is None else continues.request
        await check_model(request.model)
        now = sum(job.person == origin.person for job in self._queue.overview())
        check_limits(work, self._limits, now)
        job = await self._queue.submit(
            request,
            person=origin.person,
            place=rules.place(origin.place),
            pictures={picture.sha256: picture.data for picture in pictures},
            continues=None if continues is None else continues.job_id,
            work=None if continues is None else continues.work,
        )
        for taken in self.taken:
            # The job is in the queue: a failure from here on must not lose it.
            with Caught("counting the job"):
                await taken(origin, job)
        return job
