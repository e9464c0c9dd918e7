"""How jobs ended, as it is stored, and what their progress messages say of it at last."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import aiohttp
import discord

from bot.delivery import messages
from bot.delivery.picture_check import Verdict, check_picture
from bot.delivery.progress import ProgressMessage
from bot.guild.rules import Rules
from bot.language import _
from bot.requests.channels import Channels, channel_of_job
from data.jobs.stored import StoredJob
from data.store import Store
from engine.events import Cancelled, Done, Ending, Failed

log = logging.getLogger(__name__)

Tell = Callable[[str], Awaitable[Any]]


async def stored_ending(store: Store, stored: StoredJob) -> Ending:
    """Return how a job ended; its picture or time-lapse is read from disk."""
    if stored.state == "cancelled":
        return Cancelled()  # its partial picture is not posted
    if stored.state == "failed":
        return Failed(stored.error or _("This picture couldn't be painted. Try again."))
    if stored.time_lapse_of is not None:
        video = await store.time_lapse(stored.id)
        if video is None:
            return Failed(_("This time-lapse's file is gone. Press Again to make a new one."))
        return replace(_done_from(stored, b""), video=video)
    picture = await store.picture(stored.id)
    if picture is None:
        return Failed(_("This picture's file is gone. Press Again to paint a new one."))
    return _done_from(stored, picture)


def _done_from(stored: StoredJob, picture: bytes) -> Done:
    result = dict(stored.result or {})
    return Done(
        picture,
        seed=stored.seed,
        seconds=float(result.get("seconds", 0)),
        iterations=int(result.get("iterations", 0)),
        width=int(result.get("width", 0)),
        height=int(result.get("height", 0)),
        notices=tuple(result.get("notices", ())),
        stopped=bool(result.get("stopped", False)),
        scores=dict(result.get("scores", {})),
    )


async def checked(
    store: Store, stored: StoredJob, event: Done | Failed, rules: Rules
) -> tuple[Done | Failed, Verdict]:
    """Return the event to deliver, and the findings in the picture."""
    if isinstance(event, Done):
        return await check_picture(store.picture_checks, rules, stored, event)
    return event, Verdict()


def lost(stored: StoredJob) -> str:
    """Return what is told about a result that was refused everywhere."""
    if stored.time_lapse_of is not None:
        return _("I couldn't post the time-lapse here.")
    if stored.place.private:
        return _("Painted, but I can't DM you. Find it in /history.")
    return _("Painted, but I couldn't post it here. Find it in /history.")


def shown_before(channels: Channels, stored: StoredJob) -> ProgressMessage | None:
    """Return the progress message that a job has from before a restart, if any."""
    if stored.progress_message_id is None:
        return None
    channel, id = channel_of_job(channels, stored.place), stored.grid or stored.id
    return ProgressMessage(channel, id, int(stored.progress_message_id), lambda: 0.0, _forget)


async def close_finished(
    progress: ProgressMessage, text: messages.Text, rules: Rules, stored: StoredJob
) -> None:
    """Make the progress message a short line, or remove it, as the server wants."""
    if rules.value("progress") == "remove":
        await progress.remove()
    else:
        hidden = rules.value("spoiler") or stored.spoiler
        await progress.close(messages.spoilered(text) if hidden else text)


async def replace_answer(tell: Tell | None, text: str) -> None:
    """Replace the answer to the command, which says that the job is queued."""
    if tell is None:
        return
    try:
        await tell(text)
    except (discord.HTTPException, aiohttp.ClientError, TimeoutError) as error:
        # An interaction can be answered for 15 minutes only.
        log.info("The answer to the command could not be replaced: %s", error)


async def _forget(posted: int) -> None:
    """Ignore the id: a message that is only edited has no new one."""
