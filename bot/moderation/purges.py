"""Removing all pictures of a member of a server, one after the other, through restarts."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Protocol

import aiohttp
import discord

from bot.errors import Caught
from bot.guild.rules import GuildSettings
from bot.language import AUTO, _, plural, using_language
from bot.moderation.log import ModerationLog
from bot.requests.channels import Channels, channel_of
from bot.requests.removal import Removal
from data.people import LoggedAct
from data.purges import Purge
from data.store import Store
from engine.tasks import spawn

log = logging.getLogger(__name__)

SHOW_SECONDS = 5.0
# What a process left that died.
LOOK_SECONDS = 20.0
_PART = 20
_TROUBLE = (discord.HTTPException, aiohttp.ClientError, TimeoutError, OSError)


class PurgeClient(Channels, Protocol):
    """What purges use of the client."""


class PurgeWork:
    """Runs purges in the background, each in a task of its own."""

    def __init__(
        self,
        store: Store,
        removal: Removal,
        guild_settings: GuildSettings,
        moderation_log: ModerationLog,
        client: PurgeClient,
    ) -> None:
        self._store = store
        self._removal = removal
        self._guild_settings = guild_settings
        self._log = moderation_log
        self._client = client
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._looking: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        """Whether a purge is running."""
        return bool(self._tasks)

    async def begin(self, purge: Purge, channel_id: str) -> bool:
        """Run a confirmed purge, and show its progress in the channel; False if it runs already."""
        if not await self._store.purges.begin(purge.id):
            return False
        self._start(replace(purge, channel_id=channel_id))
        return True

    async def take_up(self) -> None:
        """Continue what processes left that died, now and from time to time."""
        await self._continue()
        self._looking = spawn(self._look(), "purges")

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            with Caught("looking for purges"):
                await self._continue()

    async def _continue(self) -> None:
        for purge in await self._store.purges.running():
            self._start(purge)

    async def close(self) -> None:
        """Stop; the next start continues."""
        tasks = [*self._tasks.values(), *([] if self._looking is None else [self._looking])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, purge: Purge) -> None:
        if purge.id not in self._tasks:
            task = asyncio.create_task(self._caught(purge), name=f"purge {purge.id}")
            self._tasks[purge.id] = task
            task.add_done_callback(lambda done: self._tasks.pop(purge.id, None))

    async def _caught(self, purge: Purge) -> None:
        """Work on a purge, unless another process does."""
        with Caught("a purge"):
            async with self._store.claims.hold(f"purge {purge.id}") as mine:
                # Another process may have ended it since it was read.
                now = await self._store.purges.find(purge.id)
                if not mine or now is None:
                    return
                await self._in_language(replace(now, channel_id=purge.channel_id or now.channel_id))

    async def _in_language(self, purge: Purge) -> None:
        rules = await self._guild_settings.rules(purge.guild_id)
        language = rules.value("language")
        with using_language(None if language == AUTO else language):
            await self._work(purge)

    async def _work(self, purge: Purge) -> None:
        left = await self._store.purges.count(purge)
        total = purge.removed + left
        purge = await self._show(purge, _progress(purge, total))
        shown = asyncio.get_running_loop().time()
        after = 0
        while part := await self._store.purges.jobs(purge, after, _PART):
            for sequence, job in part:
                after = sequence
                why = await self._removal.take_away(job)
                await self._store.purges.removed(purge.id, failed=why is not None)
                purge = replace(
                    purge, removed=purge.removed + 1, failed=purge.failed + (why is not None)
                )
                now = asyncio.get_running_loop().time()
                if now - shown >= SHOW_SECONDS:
                    shown = now
                    purge = await self._show(purge, _progress(purge, total))
        await self._log.note(
            LoggedAct(
                purge.guild_id,
                purge.moderator,
                "purge",
                purge.person,
                pictures=purge.removed,
                reason=purge.reason,
            )
        )
        await self._store.purges.end(purge.id)
        await self._show(purge, _done(purge))

    async def _show(self, purge: Purge, text: str) -> Purge:
        """Post or edit the progress message; return the purge with it. Trouble is only logged."""
        if purge.channel_id is None:
            return purge
        channel = channel_of(self._client, purge.channel_id, purge.guild_id)
        nobody = discord.AllowedMentions.none()
        try:
            if purge.message_id is None:
                message = await channel.send(text, allowed_mentions=nobody)
                purge = replace(purge, message_id=str(message.id))
                await self._store.purges.shown_in(purge.id, purge.channel_id or "", str(message.id))
            else:
                message_id = int(purge.message_id)
                await channel.get_partial_message(message_id).edit(
                    content=text, allowed_mentions=nobody
                )
        except _TROUBLE as error:
            log.info("The progress of a purge could not be shown: %s", error)
        return purge


def _progress(purge: Purge, total: int) -> str:
    return _(
        "Removing pictures by {person}: {removed} of {total}",
        person=f"<@{purge.person}>",
        removed=purge.removed,
        total=total,
    )


def _done(purge: Purge) -> str:
    text = plural(
        "Removed {number} picture by {person}.",
        "Removed {number} pictures by {person}.",
        purge.removed,
        person=f"<@{purge.person}>",
    )
    if purge.failed:
        text += " " + plural(
            "I couldn't delete the message of {number} of them.",
            "I couldn't delete the messages of {number} of them.",
            purge.failed,
        )
    return text
