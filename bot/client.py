"""The bot itself: wires the store, the queue, delivery and Discord together."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from typing import Any

import aiohttp
import discord
from discord.ext import commands

from bot.attachments import Picture, fetch_picture
from bot.buttons import BUTTONS
from bot.delivery import Delivery
from bot.errors import ClosingError, describe
from bot.limits import check_limits
from bot.logs import about_job
from bot.modals import take_submission
from bot.models import check_model
from bot.settings import Settings
from bot.tree import ImageTree, sync_if_changed
from bot.videos import Videos
from bot.wording import place_in_queue
from data.store import Store
from engine.events import Queued
from engine.queue import PaintQueue, Place
from engine.request import ImageRequest

log = logging.getLogger(__name__)

COGS = ("cogs.imagine", "cogs.history", "cogs.overview", "cogs.owner")
_CLOSING = "I am being restarted; ask again in a minute."
# No privileged one: what people type reaches us through commands, buttons and modals.
INTENTS = discord.Intents(guilds=True, guild_messages=True, dm_messages=True)


class ImageBot(commands.AutoShardedBot):
    """Paints in Discord. Nothing is opened or connected before :meth:`setup_hook`.

    ``in_process`` paints in this process instead of the worker's own: for tests.
    """

    def __init__(self, settings: Settings, *, in_process: bool = False) -> None:
        super().__init__(
            # The one message command is the owner's, and mentions need no privileged intent.
            command_prefix=commands.when_mentioned, help_command=None, intents=INTENTS,
            allowed_mentions=discord.AllowedMentions.none(), tree_cls=ImageTree,
            # Where the bot is no member it could post nothing: no installs for oneself alone.
            allowed_installs=discord.app_commands.AppInstallationType(guild=True, user=False),
            allowed_contexts=discord.app_commands.AppCommandContext(
                guild=True, dm_channel=True, private_channel=False),
            # Messages are edited by id; a cache of them would only grow.
            max_messages=None, chunk_guilds_at_startup=False,
            member_cache_flags=discord.MemberCacheFlags.none())
        # It sends no voice, so nobody needs to read that it could not.
        discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
        self.settings = settings
        self.store: Store
        self.queue: PaintQueue
        self.session: aiohttp.ClientSession
        self.delivery = Delivery(self, settings.delivery.preview_seconds)
        self.videos = Videos(self)
        self._in_process = in_process
        self._opening = asyncio.Lock()
        self._opened = False
        self._closing: asyncio.Task[None] | None = None
        self._asking: Counter[str] = Counter()

    async def open(self) -> None:
        """Open the store and start the queue, once.

        Raises EngineError where that fails, ClosingError where the bot is being closed.
        """
        async with self._opening:
            if self._closing is not None:
                raise ClosingError(_CLOSING)
            if self._opened:
                return
            painting = self.settings.painting
            self.store = await Store.open(painting.data_folder)
            self.queue = PaintQueue(
                self.store, preload=painting.model, device=painting.device,
                threads=painting.threads, in_process=self._in_process,
                preview_every=min(2.0, self.settings.delivery.preview_seconds / 2))
            self.session = aiohttp.ClientSession()
            self._opened = True
            await self.queue.start()

    async def setup_hook(self) -> None:
        """After the login and before the first event: open, load the cogs, take up the work."""
        await self.open()
        for cog in COGS:
            await self.load_extension(cog)
        self.add_dynamic_items(*BUTTONS)
        await sync_if_changed(self.tree, self.store)
        await self.delivery.take_up()

    async def on_ready(self) -> None:
        """Said once more after each new session."""
        log.info("Ready as %s, in %d servers", self.user, len(self.guilds))

    async def on_interaction(self, interaction: discord.Interaction[Any]) -> None:
        """Submitted modals, whichever process opened them; the rest discord.py dispatches."""
        await take_submission(interaction)

    async def fetch_attachment(self, attachment: discord.Attachment) -> Picture:
        """The bytes of a picture that a person attached; raises AttachmentError."""
        return await fetch_picture(
            self.session, attachment.url,
            int(self.settings.limits.max_attachment_mb * 1_000_000),
            self.settings.test.media_host)

    def upload_limit(self, guild_id: int | None) -> int:
        """The most bytes of one file in a server, or in direct messages."""
        guild = None if guild_id is None else self.get_guild(guild_id)
        return (discord.utils.DEFAULT_FILE_SIZE_LIMIT_BYTES if guild is None
                else guild.filesize_limit)

    async def ask(self, interaction: discord.Interaction[Any], request: ImageRequest,
                  picture: Picture | None = None) -> None:
        """Queue a job of the interaction's person, follow it, and tell them its place.

        The interaction has been deferred. Raises BotError or EngineError, with nothing queued,
        where the request cannot be taken.
        """
        person = str(interaction.user.id)
        await check_model(request.model)
        if self._closing is not None:
            raise ClosingError(_CLOSING)
        now = sum(job.person == person for job in self.queue.overview())
        check_limits(request, self.settings.limits, now + self._asking[person])
        self._asking[person] += 1
        try:
            job = await self.queue.submit(
                request, person=person, place=_place(interaction),
                pictures={} if picture is None else {picture.sha256: picture.data})
        finally:
            self._asking[person] -= 1
            if not self._asking[person]:
                del self._asking[person]
        with about_job(job.id):
            self.delivery.follow(job)
            event = job.latest
            place = (place_in_queue(event.position, event.eta) if isinstance(event, Queued)
                     else "Queued")
            try:
                await interaction.edit_original_response(content=f"{place}.")
            except discord.HTTPException as error:
                # The job is taken; its own message tells the rest.
                describe(error, "the acknowledgement")

    async def close(self) -> None:
        """Stop taking work, tell the channels, keep the queue, disconnect; within 10 s."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close(), name="closing")
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        async with self._opening:  # what is half open can be closed only once it is open
            if self._opened:
                await asyncio.gather(self.delivery.close(), self.videos.close())
                await self.queue.close()
                await self.session.close()
                await self.store.close()
        await super().close()


def _place(interaction: discord.Interaction[Any]) -> Place:
    guild_id, channel_id = interaction.guild_id, interaction.channel_id
    assert channel_id is not None  # commands, buttons and modals always come from one
    return Place(None if guild_id is None else str(guild_id), str(channel_id),
                 str(interaction.locale))
