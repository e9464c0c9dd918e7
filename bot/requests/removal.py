"""Taking a job away whole: off the easel, out of the channel, and from the disk."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

import aiohttp
import discord

from bot.errors import DELETED, NO_ACCESS, describe
from bot.language import _
from bot.requests.channels import channel_of
from data.jobs.stored import StoredJob

if TYPE_CHECKING:
    from bot.client import ImageBot

log = logging.getLogger(__name__)

# A worker leaves off within an iteration; one that hangs is not waited for.
ENDING_SECONDS, POSTING_SECONDS = 60.0, 10.0
_UNKNOWN_CHANNEL = 10003


async def end_job(bot: ImageBot, job_id: str) -> None:
    """Call a job off and wait until nothing is painted, written or posted of it any more."""
    job = bot.queue.get(job_id)
    if job is not None:
        await bot.queue.cancel(job_id)
        events = aiter(job)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ENDING_SECONDS):
                while await bot.delivery.next_event(events) is not None:
                    pass
    await bot.delivery.let_go(job_id, POSTING_SECONDS)


async def delete_messages(bot: ImageBot, job: StoredJob) -> str | None:
    """Delete the job's messages; why one of them is still there, None where none is."""
    why = None
    for message_id in (job.result_message_id, job.progress_message_id):
        if message_id is not None:
            why = await _delete(bot, job, int(message_id)) or why
    return why


async def _delete(bot: ImageBot, job: StoredJob, message_id: int) -> str | None:
    channel = channel_of(bot, job.channel_id, job.guild_id)
    try:
        await channel.get_partial_message(message_id).delete()
    except discord.HTTPException as error:
        if error.code in (_UNKNOWN_CHANNEL, *NO_ACCESS) and job.guild_id is not None and (
                await _delete_directly(bot, job, message_id)):
            return None
        return None if error.code in DELETED else describe(error, "deleting a message")
    except (aiohttp.ClientError, TimeoutError) as error:
        return describe(error, "deleting a message")
    return None


async def _delete_directly(bot: ImageBot, job: StoredJob, message_id: int) -> bool:
    """A channel that was closed to us had its result sent to the person; whether it was there."""
    try:
        user = await bot.fetch_user(int(job.person))
        direct = await user.create_dm()
        await direct.get_partial_message(message_id).delete()
    except (discord.HTTPException, aiohttp.ClientError, TimeoutError) as error:
        log.info("It is not in their direct messages either: %s", error)
        return False
    return True


async def remove_job(bot: ImageBot, job: StoredJob) -> str:
    """End a job, delete its messages, its row and its files; what to tell who asked for that.

    Raises StoreError.
    """
    await end_job(bot, job.id)
    stored = await bot.store.job(job.id)  # its messages, as they are now
    why = await delete_messages(bot, job if stored is None else stored)
    await bot.store.delete(job.id)
    if why is None:
        return _("Deleted.")
    return _("Deleted, but I couldn't delete its message: {why}", why=why)
