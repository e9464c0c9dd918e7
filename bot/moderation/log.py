"""The moderators' log: each action is written down, and posted if the server set a log channel."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

import aiohttp
import discord

from bot.errors import Caught
from bot.guild.rules import GuildSettings
from bot.language import AUTO, using_language
from bot.moderation.log_lines import act_line, finding_line
from data.people import LoggedAct
from data.picture_checks import Finding
from data.store import Store
from engine.clock import now_ms

log = logging.getLogger(__name__)


class Servers(Protocol):
    """Finds servers by their ids."""

    def get_guild(self, id: int, /) -> discord.Guild | None:
        """Return the server; None if the bot is not in it, or does not know it yet."""


class ModerationLog:
    """Writes down what moderators do, and finds it again, newest first."""

    def __init__(self, store: Store, guild_settings: GuildSettings, client: Servers) -> None:
        self._store = store
        self._guild_settings = guild_settings
        self._client = client
        self._posting: set[asyncio.Task[None]] = set()

    async def note(self, act: LoggedAct) -> None:
        """Write down an action, and post it; raises StoreError."""
        act = replace(act, created_at=now_ms())
        await self._store.people.note(act)
        self.post_act(act)

    async def report(self, act: LoggedAct, link: str, view: discord.ui.View) -> None:
        """Write down a member's report, and post it with a link and buttons; raises StoreError."""
        act = replace(act, created_at=now_ms())
        await self._store.people.note(act)
        await self.post(act.guild_id, lambda: act_line(act) + link, view=view)

    def post_act(self, act: LoggedAct) -> None:
        """Post an action that is written down, in the background."""
        self._post_later(act.guild_id, partial(act_line, act))

    def post_findings(self, findings: Sequence[Finding]) -> None:
        """Post what a server's check found in a picture, in the background."""
        for found in findings:
            self._post_later(found.guild_id, partial(finding_line, found))

    async def page(self, guild_id: str, page: int, size: int) -> tuple[list[str], bool]:
        """Return the lines of a page, counted from 1, and whether there are older ones."""
        most = page * size + 1
        acts = await self._store.people.acts(guild_id, most)
        found = await self._store.picture_checks.findings(guild_id, most)
        lines = [(act.created_at, act_line(act)) for act in acts]
        lines += [(finding.created_at, finding_line(finding)) for finding in found]
        newest = sorted(lines, key=lambda line: line[0], reverse=True)
        return [line for when, line in newest[most - 1 - size : most - 1]], len(newest) >= most

    async def post(
        self,
        guild_id: str,
        text: Callable[[], str],
        *,
        view: discord.ui.View | None = None,
    ) -> bool:
        """Post to the log channel, in the server's language; return whether it was posted.

        The log itself is in the database, so a refusal is only logged. Raises StoreError.
        """
        rules = await self._guild_settings.rules(guild_id)
        channel_id = rules.value("log_channel")
        if channel_id is None:
            return False
        guild = self._client.get_guild(int(guild_id))
        channel = None if guild is None else guild.get_channel_or_thread(int(channel_id))
        # An imported setting can name any channel, so it must be one of this server's.
        if not isinstance(channel, discord.abc.Messageable):
            log.warning("Server %s has no log channel %s", guild_id, channel_id)
            return False
        language = rules.value("language")
        with using_language(None if language == AUTO else language):
            content = text()
        try:
            await channel.send(
                content[:2000],
                view=view,  # type: ignore[arg-type]  # None means none
                allowed_mentions=discord.AllowedMentions.none(),
            )
        except (discord.HTTPException, aiohttp.ClientError, TimeoutError, OSError) as error:
            log.warning("The log channel of server %s refused an entry: %s", guild_id, error)
            return False
        return True

    def _post_later(self, guild_id: str, text: Callable[[], str]) -> None:
        task = asyncio.create_task(self._post_caught(guild_id, text), name="moderation log")
        self._posting.add(task)
        task.add_done_callback(self._posting.discard)

    async def _post_caught(self, guild_id: str, text: Callable[[], str]) -> None:
        with Caught("posting to the log channel"):
            await self.post(guild_id, text)

    async def close(self) -> None:
        """Stop posting; what was not posted is in the database."""
        for task in self._posting:
            task.cancel()
        await asyncio.gather(*self._posting, return_exceptions=True)
