"""One process for one token: a second one ends with a sentence, before it connects."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

import discord

from data.errors import StoreError
from data.running_bots import InUseError, RunningBots
from engine.tasks import spawn

log = logging.getLogger(__name__)


class OneProcess:
    """The claim of this process on its bot, from :meth:`start` to :meth:`close`.

    ``on_lost`` is called if another process took the bot over, for example because this machine
    was suspended for longer than the lease.
    """

    def __init__(
        self,
        running: RunningBots,
        application_id: str,
        on_lost: Callable[[], Awaitable[None]],
    ) -> None:
        self._running = running
        self._id = application_id
        self._on_lost = on_lost
        self._task: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Claim the bot; raises InUseError if another process runs it, StoreError."""
        await self._running.claim(self._id)
        self._task = spawn(self._renew(), "the claim on this bot")

    async def close(self) -> None:
        """Release the claim, so that the next process starts at once."""
        if self._task is None:
            return
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        with contextlib.suppress(StoreError):  # then it expires
            await self._running.release(self._id)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._running.seconds / 3)
            try:
                if not await self._running.renew(self._id):
                    break
            except StoreError as error:
                log.error("The claim on this bot could not be renewed: %s", error)
        log.critical("Another process runs this bot now, so this one stops")
        self._ending = asyncio.ensure_future(self._on_lost())


def check_starts(limits: discord.SessionStartLimits, shards: int) -> None:
    """Raise InUseError if Discord allows fewer new sessions today than ``shards``.

    Discord resets a token that starts more.
    """
    if limits.remaining >= max(1, shards):
        log.info("Session starts left today: %d of %d", limits.remaining, limits.total)
        return
    hours = max(1, round(limits.reset_after / 3_600_000))
    raise InUseError(
        "Discord allows this token {remaining} more connections in the next {hours} hours. "
        "Something connects again and again: stop other processes with this token, and wait.",
        remaining=limits.remaining,
        hours=hours,
    )
