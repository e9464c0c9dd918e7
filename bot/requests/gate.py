"""The gate: whether a member may have a finished request in a place, whatever way it came in.

It is the only way to the queue and to time-lapses: :class:`bot.requests.intake.Intake` calls it
for every command, button, modal, menu, reply and direct message.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from bot.errors import ClosingError, LimitError, NotAllowedError
from bot.guild.rules import Rules
from bot.host.models import check_model, check_words
from bot.host.settings import LimitSettings
from bot.language import _
from bot.requests.asking import Asking
from bot.requests.busy import BusyPeople
from bot.requests.changes import changed_request
from bot.requests.limits import check_limits
from bot.requests.origin import Origin
from bot.requests.preferences import with_preferences
from bot.requests.priority import share_of
from bot.requests.restrictions import check_not_banned, check_restrictions
from bot.requests.server_rules import ServerRules, check_place
from bot.requests.usage import jobs_a_day
from data.jobs.stored import UNFINISHED
from data.store import Store
from engine.clock import DAY_MS, now_ms
from engine.jobs.queue import PaintQueue
from engine.request.request import ImageRequest, make_request

Check = Callable[[Asking, ImageRequest, Rules], Awaitable[ImageRequest]]
"""One rule of the gate: raises BotError or EngineError to refuse, or returns the request with what
a server or a person chose filled in."""


class Gate:
    """Decides about one request. ``checks`` are its rules, in their order.

    First whether the bot takes requests at all, then whether this person may ask, then what their
    preferences and the server's settings fill in and forbid, then the host's limits.
    """

    def __init__(
        self, store: Store, queue: PaintQueue, limits: LimitSettings, busy: BusyPeople
    ) -> None:
        self._store = store
        self._queue = queue
        self._limits = limits
        self._busy = busy
        self._server_rules = ServerRules(store)
        self.checks: list[Check] = [
            self._check_draining,
            self._check_allowed,
            self._check_busy,
            self._check_repeated,
            self._check_restrictions,
            self._fill_in_preferences,
            self._server_rules.check,
            self._check_host,
            self._check_words_known,
        ]

    async def look(self, asking: Asking, rules: Rules) -> None:
        """Raise BotError or EngineError if this would be refused now; nothing is asked for yet."""
        request = asking.work
        for check in self.checks:
            request = await check(asking, request, rules)

    async def room(self, origin: Origin, rules: Rules) -> int:
        """Return how many pictures this person could ask for now, one after the other."""
        waiting = await self._store.unfinished_of(origin.person)
        rooms = [self._limits.max_jobs_per_person - len(waiting)]
        guild_id = origin.place.guild_id
        if guild_id is not None:
            rooms.append(rules.value("jobs_waiting") - waiting.count(guild_id))
            rooms += [1] if rules.value("cooldown") else []
            now = now_ms()
            a_day = jobs_a_day(rules, origin.roles)
            if a_day is not None:
                usage = await self._store.guilds.usage(guild_id, origin.person, now)
                rooms.append(a_day - usage.jobs)
            limit = (await self._store.people.restrictions_of(guild_id, origin.person)).get("limit")
            if limit is not None and limit.waiting is not None:
                rooms.append(limit.waiting - waiting.count(guild_id))
            if limit is not None and limit.a_day is not None:
                asked = await self._store.server_jobs.asked_since(
                    guild_id, origin.person, now - DAY_MS
                )
                rooms.append(limit.a_day - len(asked))
        return max(0, min(rooms))

    async def check(self, asking: Asking, rules: Rules) -> ImageRequest:
        """Return the request to paint, with all defaults; raises BotError or EngineError.

        ``rules`` are those of the place. Nothing is filled into a request whose picture is painted
        already (see :attr:`Asking.is_fixed`): it is only checked, by the work that is left.
        """
        request = asking.work
        for check in self.checks:
            request = await check(asking, request, rules)
        return asking.request if asking.is_fixed else request

    async def check_describing(self, origin: Origin, rules: Rules) -> None:
        """Raise BotError unless this person can have a picture described in this place.

        Nothing is painted or posted, so limits of pictures and who can edit do not matter.
        """
        request = make_request("a picture")
        asking = Asking(origin, request)
        for check in (self._check_draining, self._check_allowed, self._check_busy):
            await check(asking, request, rules)
        await check_not_banned(self._store.people, origin.place.guild_id, origin.person)
        check_place(origin, rules)

    async def share(self, origin: Origin, rules: Rules, *, relax: bool | None = None) -> int:
        """Return the member's share of the queue in percent (see bot.requests.priority)."""
        mine = await self._store.people.preferences(origin.person)
        return share_of(origin, mine, rules, self._limits, relax=relax)

    async def check_change(
        self, origin: Origin, job_id: str, change: Mapping[str, Any], rules: Rules
    ) -> None:
        """Raise BotError or EngineError unless this person can change a job that is painted.

        The ``rules`` are those of the job's server, also for a private picture's buttons in direct
        messages. ``change`` is a field of engine.request.steering.Steer with its value. Others that
        were asked for before, and did not take effect yet, count.
        """
        job = await self._store.job(job_id)
        if job is None or job.state not in UNFINISHED:
            return  # the queue says that it is over
        request = changed_request(job, change)
        asking = Asking(origin, request)
        for check in (self._check_allowed, self._check_busy):
            await check(asking, request, rules)
        await check_not_banned(self._store.people, job.guild_id, origin.person)
        await self._server_rules.check_change(origin, job.guild_id, request, rules)
        await self._check_words_known(asking, request, rules)

    async def newest(self, person: str) -> int:
        """Return the number of the person's newest job, to submit a job that was checked after it.

        Another process can accept one meanwhile; then the queue refuses, and the limits must be
        checked again.
        """
        return await self._store.newest_of(person)

    async def _check_draining(
        self, asking: Asking, request: ImageRequest, rules: Rules
    ) -> ImageRequest:
        if self._queue.draining:
            raise ClosingError(
                _(
                    "I'm going down for maintenance and not taking new pictures. "
                    "Those in the queue will still be painted. Try again later."
                )
            )
        return request

    async def _check_allowed(
        self, asking: Asking, request: ImageRequest, rules: Rules
    ) -> ImageRequest:
        allowed = self._limits.person_ids
        if allowed and asking.origin.person not in allowed:
            raise NotAllowedError(_("Only people chosen by this bot's host can use it."))
        return request

    async def _check_busy(
        self, asking: Asking, request: ImageRequest, rules: Rules
    ) -> ImageRequest:
        self._busy.check(asking.origin.person)
        return request

    async def _check_repeated(
        self, asking: Asking, request: ImageRequest, rules: Rules
    ) -> ImageRequest:
        """Refuse a time-lapse that is being made for the same channel."""
        if asking.shows is not None and any(
            job.state in UNFINISHED and job.channel_id == asking.origin.place.channel_id
            for job in await self._store.time_lapses_of(asking.shows.job_id)
        ):
            raise LimitError(_("I'm already making that time-lapse. I'll post it when it's done."))
        return request

    async def _check_restrictions(
        self, asking: Asking, request: ImageRequest, rules: Rules
    ) -> ImageRequest:
        origin = asking.origin
        await check_restrictions(
            self._store, origin.place.guild_id, origin.person, request.count or 1
        )
        return request

    async def _fill_in_preferences(
        self, asking: Asking, request: ImageRequest, rules: Rules
    ) -> ImageRequest:
        mine = await self._store.people.preferences(asking.origin.person)
        return with_preferences(request, mine, asking.origin, rules)

    async def _check_host(
        self, asking: Asking, request: ImageRequest, rules: Rules
    ) -> ImageRequest:
        waiting = await self._store.unfinished_of(asking.origin.person)
        check_limits(request, self._limits, len(waiting))
        await check_model(request.networks)
        return request

    async def _check_words_known(
        self, asking: Asking, request: ImageRequest, rules: Rules
    ) -> ImageRequest:
        if not asking.is_fixed:
            await check_words(request)
        return request
