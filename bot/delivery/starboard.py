"""The starboard: pictures with enough reactions are posted once into a channel of the server.

Nobody's reaction is stored, only how many there are. A picture that is deleted or reported
disappears from it.
"""

from __future__ import annotations

import asyncio
import io
import logging
from typing import Protocol

import aiohttp
import discord

from bot.delivery.messages import PAINTED, SPOILER
from bot.delivery.posting import upload_limit
from bot.delivery.results import can_report, is_hidden
from bot.errors import DELETED, Caught, report
from bot.guild.rules import GuildSettings, Rules
from bot.language import AUTO, _, using_language
from bot.language.formatting import alt_text, file_name, link_to, prompt_lines
from bot.media.main_colour import main_colour
from bot.media.resize import shrink
from bot.media.sheet import sheet
from bot.requests.audience import audience_within
from bot.requests.channels import Channels, channel_of
from bot.requests.deletions import Deletions
from bot.ui.buttons import FavouriteButton, ReportButton
from bot.ui.card import NOBODY, Card
from bot.ui.job_button import JobButton
from data.jobs.messages import JobMessage
from data.jobs.stored import StoredJob
from data.store import Store

log = logging.getLogger(__name__)

WAIT_SECONDS = 2.0
"""How long reactions to one message are collected before it is looked at."""


class StarboardClient(Channels, Protocol):
    """What the starboard uses of the client."""

    @property
    def user(self) -> discord.ClientUser | None:
        """The bot's own account; None before the login."""

    def get_guild(self, id: int, /) -> discord.Guild | None:
        """Return the server from the cache."""


class Starboard:
    """Counts reactions, and posts and removes pictures."""

    def __init__(
        self,
        store: Store,
        guild_settings: GuildSettings,
        client: StarboardClient,
        deletions: Deletions,
    ) -> None:
        self._store = store
        self._guild_settings = guild_settings
        self._client = client
        self._deletions = deletions
        self._waiting: set[tuple[int, int]] = set()  # channels and messages to look at
        self._tasks: set[asyncio.Task[None]] = set()
        deletions.watchers.append(self.remove)

    async def note(self, guild_id: int | None, channel_id: int, message_id: int) -> None:
        """Look at a message whose reactions changed, soon, if it shows a picture of ours."""
        key = (channel_id, message_id)
        if guild_id is None or key in self._waiting:
            return
        id = await self._store.messages.job_shown_in(str(channel_id), str(message_id))
        if id is not None and key not in self._waiting:
            self._waiting.add(key)
            task = asyncio.create_task(self._look_later(key, guild_id, id), name="counting stars")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _look_later(self, key: tuple[int, int], guild_id: int, job_id: str) -> None:
        try:
            await asyncio.sleep(WAIT_SECONDS)
        finally:
            self._waiting.discard(key)
        with Caught("counting stars"):
            await self._look(key, guild_id, job_id)

    async def _look(self, key: tuple[int, int], guild_id: int, job_id: str) -> None:
        job = await self._store.job(job_id)
        if job is None or not _is_public(job):
            return
        jobs = await self._store.with_grid(job)
        lead = jobs[0]
        results = await self._store.messages.results_of([lead.id])
        result = results.get(lead.id)
        channel_id, message_id = map(str, key)
        if result is None or (result.channel_id, result.message_id) != (channel_id, message_id):
            return  # another message about it
        rules = await self._guild_settings.rules(str(guild_id))
        stars = await self._stars(result, str(rules.value("starboard_emoji")))
        if stars is None:
            return
        await self._store.stars.count(lead.id, str(guild_id), stars)
        if stars < int(rules.value("starboard_threshold")):
            return
        channel = self._channel(rules, guild_id, result)
        if channel is not None and await self._store.stars.claim(lead.id):
            await self._post(channel, jobs, result, stars, rules)

    async def _stars(self, message: JobMessage, emoji: str) -> int | None:
        """How many reactions of that kind a message has; None if it cannot be read."""
        channel = channel_of(self._client, message.channel_id, message.guild_id)
        try:
            found = await channel.fetch_message(int(message.message_id))
        except discord.HTTPException as error:
            if error.code in DELETED:
                await self._deletions.note(message.channel_id, [message.message_id])
            return None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.info("Could not look for stars: %s", error)
            return None
        wanted = _plain(emoji)
        return sum(each.count for each in found.reactions if _plain(str(each.emoji)) == wanted)

    def _channel(
        self, rules: Rules, guild_id: int, result: JobMessage
    ) -> discord.TextChannel | None:
        """The starboard, if all who see it can see the picture where it is."""
        set_to, guild = rules.value("starboard_channel"), self._client.get_guild(guild_id)
        if set_to is None or guild is None:
            return None
        # An imported setting can name any channel, so it must be one of this server's.
        channel = guild.get_channel(int(set_to))
        source = guild.get_channel_or_thread(int(result.channel_id))
        if not isinstance(channel, discord.TextChannel) or source == channel:
            return None
        return channel if audience_within(channel, source) else None

    async def _post(
        self,
        channel: discord.TextChannel,
        jobs: list[StoredJob],
        result: JobMessage,
        stars: int,
        rules: Rules,
    ) -> None:
        lead, guild_id = jobs[0], str(channel.guild.id)
        language = rules.value("language")
        with using_language(None if language == AUTO else language):
            shown = await self._file(channel, jobs, rules)
            if shown is None:
                await self._store.stars.release(lead.id)
                return
            file, colour = shown
            head = _(
                "{emoji} **{stars}** · {channel}",
                emoji=rules.value("starboard_emoji"),
                stars=stars,
                channel=f"<#{result.channel_id}>",
            )
            card = Card(colour=colour)
            card.text(f"{head}{link_to(result)}")
            card.text(prompt_lines(lead.request))
            card.pictures([(file, file.filename.startswith(SPOILER))])
            buttons: list[JobButton] = [FavouriteButton(lead.id)]
            if can_report(lead, rules):
                buttons.append(ReportButton(lead.id))
            card.buttons(*buttons)
        view = card.view()
        try:
            message = await channel.send(
                files=card.files,
                view=view,
                nonce=f"s{lead.id}"[:25],
                allowed_mentions=NOBODY,
            )
        except (discord.HTTPException, aiohttp.ClientError, TimeoutError, OSError) as error:
            log.warning("The starboard of server %s refused a picture: %s", guild_id, error)
            await self._store.stars.release(lead.id)
            return
        finally:
            view.stop()
        ids = [job.id for job in jobs]
        await self._store.stars.posted(ids, guild_id, str(channel.id), str(message.id))
        # It can have been deleted or reported meanwhile.
        if (await self._store.stars.of(lead.id)).hidden or await self._store.job(lead.id) is None:
            await message.delete()

    async def _file(
        self, channel: discord.TextChannel, jobs: list[StoredJob], rules: Rules
    ) -> tuple[discord.File, int] | None:
        """The picture of the jobs with its main colour, if it can be shown."""
        pictures = [await self._store.picture(job.id) for job in jobs]
        shown = [data for data in pictures if data is not None]
        if not shown:
            return None
        whole = shown[0] if len(jobs) == 1 else await asyncio.to_thread(sheet, pictures)
        limit = upload_limit(self._client, channel.guild.id)
        fitting = await asyncio.to_thread(shrink, whole, limit)
        if fitting is None:
            return None
        data, ending = fitting
        lead = jobs[0]
        name = file_name(lead.request.prompt, lead.seed, lead.id, ending)
        hidden = any([await is_hidden(self._store, job, rules) for job in jobs])
        alt = alt_text(lead.request, lead.notices)
        name = SPOILER + name if hidden else name
        file = discord.File(io.BytesIO(data), filename=name, description=alt)
        return file, await asyncio.to_thread(main_colour, whole, PAINTED)

    async def remove(self, job_id: str) -> None:
        """Delete the starboard's message about a job, if there is one. Raises StoreError."""
        message = await self._store.stars.message(job_id)
        if message is None:
            return
        channel = channel_of(self._client, message.channel_id, message.guild_id)
        try:
            await channel.get_partial_message(int(message.message_id)).delete()
        except discord.HTTPException as error:
            if error.code not in DELETED:
                report(error, "deleting from the starboard")
                return
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            report(error, "deleting from the starboard")
            return
        await self._store.messages.deleted(message.channel_id, [message.message_id])

    async def hide(self, job: StoredJob, *, hidden: bool = True) -> None:
        """Take a reported job out of the starboard and the gallery, or let it in again.

        Raises StoreError.
        """
        if job.guild_id is None:
            return
        jobs = await self._store.with_grid(job)
        await self._store.stars.hide([each.id for each in jobs], job.guild_id, hidden=hidden)
        if hidden:
            await self.remove(job.id)

    async def close(self) -> None:
        """Stop counting; the next reaction counts again."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _is_public(job: StoredJob) -> bool:
    """Whether everybody in its channel can see its picture there."""
    return job.can_be_shown and not job.place.private


def _plain(emoji: str) -> str:
    """An emoji without the mark that asks for its coloured form, which some programs leave out."""
    return emoji.replace("\ufe0f", "")
