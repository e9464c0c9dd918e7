"""One job's progress message: at most one edit in flight, and the newest state wins."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import aiohttp
import discord

from bot.delivery.messages import Text, carries
from bot.delivery.posting import find_message
from bot.delivery.strip import Previews
from bot.errors import DELETED, UNKNOWN_MESSAGE, is_temporary
from bot.ui.buttons import CancelButton
from engine.errors import EngineError
from engine.events import Progress

log = logging.getLogger(__name__)

# Discord limits edits of messages older than an hour more strictly, so a new one is posted.
OLD = timedelta(minutes=55)
_LAST_WORD_SECONDS = 20.0
# Without Read Message History the bot may post in a channel, but not reply.
_NO_REPLIES = 160002


class ProgressMessage:
    """Shows a job's states in a channel by editing one message.

    ``message_id`` is a message posted before a restart; ``remember`` is called with the id of each
    message that is posted. ``interval`` returns the seconds between two edits. ``may_be_there``
    says that one may have been posted without its id being stored; ``answers`` is the message to
    reply to. ``note_deleted`` is called if the message turns out to be deleted. Nothing raises: if
    a message cannot be shown, the previews end, not the job.
    """

    def __init__(
        self,
        channel: discord.PartialMessageable,
        job_id: str,
        message_id: int | None,
        interval: Callable[[], float],
        remember: Callable[[int], Awaitable[None]],
        may_be_there: bool = False,
        answers: int | None = None,
        note_deleted: Callable[[int, Sequence[int]], Awaitable[None]] | None = None,
    ) -> None:
        self.channel = channel
        self.job_id = job_id
        self.message_id = message_id
        self.gone = False
        self._interval = interval
        self._remember = remember
        self._newest: Text | None = None
        self._changed = asyncio.Event()
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._posts = 0
        self._may_be_there = may_be_there
        self._answers = answers
        self._note_deleted = note_deleted
        self._shown_at = float("-inf")
        self.previews: Previews | None = None  # those to show with the result, if any are

    def keep_preview(self, event: Progress) -> None:
        """Keep the preview for the result, if that shows some."""
        if self.previews is not None:
            self.previews.add(event.iteration, event.preview)

    def show(self, text: Text) -> None:
        """Show ``text`` when an edit is due, unless something newer replaces it."""
        self._newest = text
        self._changed.set()
        if self._task is None and not self._closing.is_set():
            self._task = asyncio.create_task(self._update_loop(), name=f"progress of {self.job_id}")

    def stop_updates(self) -> None:
        """Show no more updates except the last one; an edit in flight continues."""
        self._closing.set()
        self._newest = None
        self._changed.set()

    async def close(self, text: Text | None = None) -> None:
        """Wait for the edit in flight, then show ``text`` as the last state, if given."""
        self.stop_updates()
        if self._task is not None:
            done, _ = await asyncio.wait([self._task], timeout=_LAST_WORD_SECONDS)
            if not done:
                self._task.cancel()
        if text is not None and (self.message_id is not None or self._may_be_there):
            await self._put(text, last=True)

    async def remove(self) -> None:
        """Wait for the edit in flight, then delete the message."""
        await self.close()
        try:
            if self.message_id is None and self._may_be_there:
                await self._find()
            if self.message_id is not None:
                await self.channel.get_partial_message(self.message_id).delete()
        except (discord.HTTPException, aiohttp.ClientError, TimeoutError, OSError) as error:
            log.info("The progress message could not be removed: %s", error)

    async def _update_loop(self) -> None:
        while not self.gone:
            await self.wait_for_update()
            # A newer text may have a shorter interval: previews do, queue positions do not.
            while not self._closing.is_set() and (early := self._due() - _now()) > 0:
                self._changed.clear()
                await self.pause(early)
            self._changed.clear()
            if self._closing.is_set():
                return
            text, self._newest = self._newest, None
            if text is not None:
                await self._put(text)
                self._shown_at = _now()

    def _due(self) -> float:
        return self._shown_at + self._interval()

    async def wait_for_update(self) -> None:
        """Wait until there is something to show, or nothing more will come."""
        await self._changed.wait()

    async def pause(self, seconds: float) -> None:
        """Wait for ``seconds``, or until there is something newer."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), seconds)

    async def _put(self, text: Text, *, last: bool = False) -> None:
        try:
            if self.message_id is None and self._may_be_there:
                await self._find()
            if self.message_id is None and last:
                return  # nothing is shown that needs a last state
            if self.message_id is None or self._is_old(self.message_id):
                await self._post(text)
            else:
                await self._edit(self.message_id, text)
        except discord.HTTPException as error:
            # Deleted, or no longer allowed: no more previews. Other trouble is temporary, and
            # the next state comes soon.
            self.gone = self.gone or not is_temporary(error)
            level = logging.INFO if error.code in DELETED else logging.WARNING
            log.log(level, "The progress could not be shown: %s", error)
        except (aiohttp.ClientError, TimeoutError, OSError, EngineError) as error:
            log.warning("Could not show the progress: %s", error)

    async def _edit(self, message_id: int, text: Text) -> None:
        message = self.channel.get_partial_message(message_id)
        try:
            # The list of attachments names those that stay: only the new preview.
            await message.edit(
                content=text.content,
                embeds=text.embeds,
                view=text.view(self.job_id),
                attachments=text.new_files(),
            )
        except discord.NotFound as error:
            if error.code == UNKNOWN_MESSAGE and self._note_deleted is not None:
                self.message_id, self.gone = None, True
                # If the bot was connected, Discord has told of it already.
                await self._note_deleted(self.channel.id, [message_id])
            raise

    async def _post(self, text: Text) -> None:
        old, self.message_id = self.message_id, None
        self._may_be_there = True  # until Discord answers
        # Within a few minutes, a retry of the first post returns the same message.
        nonce = f"{self._posts % 10}{self.job_id[:24]}"
        try:
            message = await self._send(text, nonce)
        except discord.HTTPException as error:
            if error.code != _NO_REPLIES or self._answers is None:
                raise
            self._answers = None
            message = await self._send(text, nonce)
        self._posts += 1
        self.message_id, self._may_be_there = message.id, False
        await self._remember(message.id)
        if old is not None:
            await self.channel.get_partial_message(old).delete()

    async def _send(self, text: Text, nonce: str) -> discord.Message:
        reference = (
            None
            if self._answers is None
            else discord.MessageReference(
                message_id=self._answers, channel_id=self.channel.id, fail_if_not_exists=False
            )
        )
        return await self.channel.send(
            text.content,
            embeds=text.embeds,
            files=text.new_files(),
            view=text.view(self.job_id),
            nonce=nonce,
            reference=reference,  # type: ignore[arg-type]  # None means no reference
        )

    async def _find(self) -> None:
        """Find a message whose answer was lost; Discord forgets nonces within minutes."""
        found = await find_message(
            self.channel, lambda message: carries(message, CancelButton, self.job_id)
        )
        self._may_be_there = False
        if found is not None:
            self.message_id = found
            await self._remember(found)

    @staticmethod
    def _is_old(message_id: int) -> bool:
        return discord.utils.utcnow() - discord.utils.snowflake_time(message_id) > OLD


def _now() -> float:
    return asyncio.get_running_loop().time()
