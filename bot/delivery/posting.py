"""Posting a message exactly once: through lost answers, 5xx, 429, limits and restarts."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Protocol

import aiohttp
import discord

from bot.delivery.messages import Text, pings
from bot.errors import TOO_LARGE, is_temporary

log = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 2.0, 60.0
# Longer than any known outage of Discord; after that, the bot's next start tries again.
BUDGET_SECONDS = 24 * 3600.0
READ_BACK = 1000

Find = Callable[[discord.Message], bool]
Make = Callable[[int], Awaitable[Text | None]]


class Servers(Protocol):
    """Finds servers by their ids."""

    def get_guild(self, id: int, /) -> discord.Guild | None:
        """Return the server; None if the bot is not in it, or does not know it yet."""


def upload_limit(servers: Servers, guild_id: int | None) -> int:
    """Return the most bytes of one file in a server, or in direct messages."""
    guild = None if guild_id is None else servers.get_guild(guild_id)
    return discord.utils.DEFAULT_FILE_SIZE_LIMIT_BYTES if guild is None else guild.filesize_limit


async def post_once(
    channel: discord.abc.Messageable,
    make: Make,
    *,
    job_id: str,
    nonce: str,
    person: str,
    find: Find,
    limit: int,
    look_first: bool = False,
    own_id: int | None = None,
    after: int = 0,
) -> int | None:
    """Post a message about a job to ``channel``, never twice, and return its id.

    ``make(limit)`` returns the text with files of at most ``limit`` bytes, None if they cannot be
    made that small. ``find`` recognises the message if an earlier try arrived; ``look_first`` says
    that there may be one from long ago, but after the message ``after``. Temporary trouble is
    retried for a day; then the result is None as well. Raises discord.HTTPException if Discord
    refuses for good.
    """
    loop = asyncio.get_running_loop()
    began, pause = loop.time(), FIRST_PAUSE
    look, text = look_first, None
    while True:
        try:
            if look:
                earlier = await find_message(channel, find, own_id, after)
                if earlier is not None:
                    return earlier
            text = await make(limit)
            if text is None:
                return None
            message = await channel.send(
                text.content,
                embeds=text.embeds,
                files=text.new_files(),
                view=text.view(job_id),
                nonce=nonce[:25],
                allowed_mentions=pings(person),
            )
        except discord.HTTPException as error:
            if text is not None and text.files and (error.code == TOO_LARGE or error.status == 413):
                limit = min(limit, sum(len(data) for _, data in text.files)) * 3 // 4
                log.info("The file is too large for Discord; trying with %d bytes", limit)
                continue
            if not is_temporary(error):
                raise
            log.warning("Posting failed (%s); trying again in %g s", error, pause)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.warning("Posting failed (%s); trying again in %g s", error, pause)
        else:
            return message.id
        if loop.time() - began > BUDGET_SECONDS:
            log.error("Gave up posting after a day; the next start tries again")
            return None
        # Spread the retries, because many jobs may wait for Discord.
        await asyncio.sleep(pause * random.uniform(0.75, 1.25))
        pause = min(pause * 2, LONGEST_PAUSE)
        # It may have arrived and only the answer was lost; Discord remembers the nonce, but only
        # for a few minutes.
        look = True


async def find_message(
    channel: discord.abc.Messageable, find: Find, own_id: int | None = None, after: int = 0
) -> int | None:
    """Return the id of our message that ``find`` recognises in the channel.

    Searches the newest messages, back to the message ``after``. None if it is not found, or if the
    history cannot be read.
    """
    try:
        async for message in channel.history(limit=READ_BACK):
            if message.id <= after:
                break
            if (own_id is None or message.author.id == own_id) and find(message):
                return message.id
    except discord.Forbidden:
        log.info("Cannot read the channel's history to look for an earlier message")
    return None
