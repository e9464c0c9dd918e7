"""Direct messages: the first one about a private job, and optional ones about results."""

from __future__ import annotations

import logging

import aiohttp
import discord

from bot.errors import DM_CLOSED, DirectMessageError, user_message
from bot.language import _, mark
from bot.language.formatting import shown_prompt
from bot.requests.channels import Users
from data.jobs.stored import StoredJob
from data.people import People
from engine.events import Event, Failed

log = logging.getLogger(__name__)

TRY_AGAIN = mark("I couldn't DM you. Try again in a minute.")


async def open_private(users: Users, person: str) -> discord.Message:
    """Send a person the message in which a private job will be shown; raises DirectMessageError."""
    try:
        user = await users.fetch_user(int(person))
        return await user.send(_("I'll show your private picture here."))
    except discord.Forbidden as error:
        if error.code not in DM_CLOSED:
            raise DirectMessageError(_(TRY_AGAIN)) from error
        raise DirectMessageError(
            _(
                "I can't DM you, so I can't make a private picture. Allow direct messages in this "
                "server's privacy settings and try again."
            )
        ) from error
    except (discord.HTTPException, aiohttp.ClientError, TimeoutError) as error:
        raise DirectMessageError(user_message(error) or _(TRY_AGAIN)) from error


async def send_direct_message(
    people: People, users: Users, job: StoredJob, event: Event, link: str | None
) -> None:
    """Send the user a link to the result, if their preferences ask for it."""
    if link is None or job.guild_id is None or "/@me/" in link:
        return  # the result itself is in their direct messages
    if not (await people.preferences(job.person)).direct_message:
        return
    prompt = shown_prompt(job.request, 200)
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
