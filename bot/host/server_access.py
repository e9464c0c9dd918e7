"""Which servers can have the bot: it leaves the others, at the start and when it is invited."""

from __future__ import annotations

import logging
from collections.abc import Iterable

import aiohttp
import discord

from bot.errors import report
from bot.host.settings import LimitSettings
from data.store import Store

log = logging.getLogger(__name__)


class ServerAccess:
    """The host's lists: those allowed in the settings (all, if none are named), and denied ones."""

    def __init__(self, store: Store, limits: LimitSettings) -> None:
        self._store = store
        self._allowed = limits.server_ids

    async def leave_others(self, guilds: Iterable[discord.Guild]) -> int:
        """Leave ``guilds`` that cannot have the bot; return how many. Raises StoreError."""
        denied = await self._store.denied_servers.all()
        left = 0
        for guild in guilds:
            id = str(guild.id)
            if id not in denied and (not self._allowed or id in self._allowed):
                continue
            try:
                await guild.leave()
            except (discord.HTTPException, aiohttp.ClientError, TimeoutError) as error:
                report(error, f"leaving the server {id}")
                continue
            left += 1
            log.warning("Left the server %s, which the host denied or did not allow", id)
        return left
