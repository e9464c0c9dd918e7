"""Optional direct messages about finished pictures; best effort, never the result itself."""

from __future__ import annotations

import logging

import aiohttp
import discord

from bot.language import _
from bot.language.formatting import escape
from bot.requests.channels import Users
from data.jobs.stored import StoredJob
from data.people import People
from engine.events import Event, Failed

log = logging.getLogger(__name__)


async def send_direct_message(
    people: People, users: Users, job: StoredJob, event: Event, link: str | None
) -> None:
    """Send the user a link to the result, if their preferences ask for it."""
    if link is None or job.guild_id is None or "/@me/" in link:
        return  # the result itself is in their direct messages
    if not (await people.preferences(job.person)).direct_message:
        return
    prompt = escape(job.request.prompt, 200)
    text = (
        _("Your picture failed: {link}\n-# {prompt}", link=link, prompt=prompt)
        if isinstance(event, Failed)
        else _("Your time-lapse is ready: {link}\n-# {prompt}", link=link, prompt=prompt)
        if job.time_lapse_of is not None
        else _("Your picture is ready: {link}\n-# {prompt}", link=link, prompt=prompt)
    )
    try:
        user = await users.fetch_user(int(job.person))
        await user.send(text)
    except (discord.HTTPException, aiohttp.ClientError, TimeoutError) as error:
        log.info("Could not send the direct message: %s", error)
