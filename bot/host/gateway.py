"""The client's connections to Discord's gateway: all shards, or this process's part of them."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from typing import Any

import discord
from discord.ext import commands

from bot.host.one_process import check_starts
from bot.host.shards import ShardWork


class GatewayBot(commands.AutoShardedBot):
    """A client whose shards other processes can share, while ``shard_work`` is set."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.shard_work: ShardWork | None = None
        self._launching = asyncio.Lock()
        self._launched = asyncio.Event()
        self._concurrency = 1  # sessions that Discord lets start at once

    async def connect(self, *, reconnect: bool = True) -> None:
        """Connect to the gateway; raises InUseError if Discord allows no more sessions today."""
        shards, _address, limits = await self.http.get_bot_gateway()
        starts = discord.SessionStartLimits(**limits)
        self._concurrency = starts.max_concurrency
        work = self.shard_work
        check_starts(starts, self.shard_count or shards if work is None else len(work.held))
        await super().connect(reconnect=reconnect)

    async def launch_shards(self) -> None:
        """Connect the shards that this process holds: all, unless others share them."""
        if self.shard_work is None:
            await super().launch_shards()
            return
        async with self._launching:
            self.shard_ids = sorted(self.shard_work.held)
            if self.shard_ids:  # without, it would be all
                await super().launch_shards()
            self._launched.set()

    async def start_shard(self, shard: int) -> None:
        """Connect one more shard, once those of the start are connected."""
        await self._launched.wait()
        async with self._launching:
            connected = self.get_shard(shard)
            if connected is not None and not connected.is_closed():
                return
            # discord.py may be going through the list before.
            self.shard_ids = [*(self.shard_ids or ()), shard]
            if len(self.shard_ids) == 1:
                await super().launch_shards()
            else:
                await self.launch_shard(discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY, shard)

    async def stop_others(self, held: Collection[int]) -> None:
        """Disconnect all shards but those that are held."""
        self.shard_ids = [shard for shard in self.shard_ids or () if shard in held]
        for shard, connected in super().shards.items():
            if shard not in held and not connected.is_closed():
                await connected.disconnect()

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Wait until Discord allows another session."""
        if self.shard_work is None or shard_id is None:
            await super().before_identify_hook(shard_id, initial=initial)
        else:
            await self.shard_work.wait_for_start(shard_id, self._concurrency)

    def hears(self, guild_id: str | int | None) -> bool:
        """Whether events of that server, or of direct messages (None), come to this process."""
        id = None if guild_id is None else int(guild_id)
        return self.shard_work is None or self.shard_work.holds(id)

    @property
    def guilds(self) -> Sequence[discord.Guild]:
        """The servers of this process's shards, without those of shards that it gave back."""
        return [guild for guild in super().guilds if self.hears(guild.id)]

    @property
    def shards(self) -> dict[int, discord.ShardInfo]:
        """The connections of this process."""
        work, shards = self.shard_work, super().shards
        if work is None:
            return shards
        return {shard: info for shard, info in shards.items() if shard in work.held}
