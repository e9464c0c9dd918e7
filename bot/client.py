"""The bot itself: wires the store, the queue, delivery and Discord together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any
from weakref import WeakValueDictionary

import aiohttp
import discord
from discord.ext import commands

from bot.delivery.delivery import Delivery
from bot.delivery.videos import Videos
from bot.errors import Caught, ClosingError, describe
from bot.guild.concepts import wanted_scores
from bot.guild.rules import GuildSettings
from bot.host.logs import about_job
from bot.host.metrics import Metrics
from bot.host.models import check_model
from bot.host.retention import Retention
from bot.host.settings import Settings
from bot.host.upkeep import Upkeep
from bot.language import _, mark
from bot.language.formatting import place_in_queue
from bot.language.translator import CatalogueTranslator
from bot.media.attachments import Attachments, Picture
from bot.requests.continuation import Continuation
from bot.requests.limits import check_limits
from bot.requests.requester import Asking, Gate, Taken
from bot.ui.buttons import BUTTONS
from bot.ui.command_tree import ImageTree, sync_if_changed
from bot.ui.edit_modal import take_edit
from bot.ui.modals import take_submission
from data.people import People
from data.store import Store
from engine.events import Queued
from engine.jobs.job import Job
from engine.jobs.queue import PaintQueue
from engine.request.request import ImageRequest

log = logging.getLogger(__name__)

# Their gates stand in this order: who may ask comes first, then what they prefer.
COGS = ("cogs.moderation", "cogs.privacy", "cogs.preferences", "cogs.imagine", "cogs.history",
        "cogs.overview", "cogs.owner", "cogs.admin",
        "cogs.edit", "cogs.replies", "cogs.config")
_CLOSING = mark("I'm restarting. Try again in a minute.")
# No privileged one: what people type reaches us through commands, buttons and modals, and where
# they mention us or write to us directly.
INTENTS = discord.Intents(guilds=True, guild_messages=True, dm_messages=True)


class ImageBot(commands.AutoShardedBot):
    """Paints in Discord. Nothing is opened or connected before :meth:`setup_hook`.

    ``in_process`` paints in this process instead of the worker's own: for tests.
    """

    def __init__(self, settings: Settings, *, in_process: bool = False) -> None:
        metrics = Metrics()
        super().__init__(
            # The one message command is the owner's, and mentions need no privileged intent.
            command_prefix=commands.when_mentioned, help_command=None, intents=INTENTS,
            allowed_mentions=discord.AllowedMentions.none(), tree_cls=ImageTree,
            # Where the bot is no member it could post nothing: no installs for oneself alone.
            allowed_installs=discord.app_commands.AppInstallationType(guild=True, user=False),
            allowed_contexts=discord.app_commands.AppCommandContext(
                guild=True, dm_channel=True, private_channel=False),
            # Messages are edited by id; a cache of them would only grow.
            max_messages=None, chunk_guilds_at_startup=False, http_trace=metrics.trace(),
            member_cache_flags=discord.MemberCacheFlags.none())
        # It sends no voice, so nobody needs to read that it could not.
        discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
        self.settings = settings
        self.metrics = metrics
        self.store: Store
        self.people: People
        self.queue: PaintQueue
        self.session: aiohttp.ClientSession
        self.attachments: Attachments
        self.upkeep: Upkeep
        self.delivery = Delivery(self, settings.delivery.preview_seconds)
        self.videos = Videos(self)
        self.guild_settings: GuildSettings
        self.retention: Retention
        self.gates: list[Gate] = []
        self.taken: list[Taken] = []
        self._in_process = in_process
        self._opening = asyncio.Lock()
        self._opened = False
        self._closing: asyncio.Task[None] | None = None
        # Kept as long as anyone waits for it.
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @property
    def opened(self) -> bool:
        """Whether store and queue are there to be asked: open, and not being closed."""
        return self._opened and self._closing is None

    async def open(self) -> None:
        """Open the store and start the queue, once.

        Raises EngineError where that fails, ClosingError where the bot is being closed.
        """
        async with self._opening:
            if self._closing is not None:
                raise ClosingError(_(_CLOSING))
            if self._opened:
                return
            painting = self.settings.painting
            self.store = await Store.open(painting.data_folder)
            self.people = self.store.people
            self.guild_settings = GuildSettings(self.store.guilds, self.settings)
            self.retention = Retention(self.store, self.settings.privacy,
                                       self.guild_settings.retention_days, self._servers)
            self.queue = PaintQueue(
                self.store, preload=painting.model, device=painting.device,
                precision=painting.precision,
                threads=painting.threads, in_process=self._in_process,
                preview_every=min(2.0, self.settings.delivery.preview_seconds / 2))
            self.queue.watchers.append(self.metrics.watch)
            self.queue.concepts_of = self._concepts_of
            self.store.watchers.append(self.metrics.delivered)
            self.upkeep = Upkeep(self.store, self.settings.operations, self.metrics)
            self.session = aiohttp.ClientSession()
            self.attachments = Attachments(self.session, self.settings.limits,
                                           self.settings.test)
            self._opened = True
            self.upkeep.start()
            self.retention.start()
            await self.queue.start()

    async def _concepts_of(self, job: Job) -> list[str]:
        return wanted_scores(await self.guild_settings.rules(job.place.guild_id))

    def _servers(self) -> set[str] | None:
        """The ids of the servers that the bot is in; None while that is not known."""
        return {str(guild.id) for guild in self.guilds} if self.is_ready() else None

    async def setup_hook(self) -> None:
        """After the login and before the first event: open, load the cogs, take up the work."""
        await self.open()
        for cog in COGS:
            await self.load_extension(cog)
        self.add_dynamic_items(*BUTTONS)
        await self.tree.set_translator(CatalogueTranslator())
        await sync_if_changed(self.tree, self.store)
        await self.delivery.take_up()

    async def on_ready(self) -> None:
        """Said once more after each new session."""
        log.info("Ready as %s, in %d servers", self.user, len(self.guilds))

    async def on_interaction(self, interaction: discord.Interaction[Any]) -> None:
        """Submitted modals, whichever process opened them; the rest discord.py dispatches."""
        await take_submission(interaction)
        await take_edit(interaction)

    async def on_message(self, message: discord.Message) -> None:
        """The commands by mention, which are the owner's; cogs.replies has all other messages."""
        context = await self.get_context(message)
        if context.valid and not message.author.bot:
            await self.invoke(context)

    def upload_limit(self, guild_id: int | None) -> int:
        """The most bytes of one file in a server, or in direct messages."""
        guild = None if guild_id is None else self.get_guild(guild_id)
        return (discord.utils.DEFAULT_FILE_SIZE_LIMIT_BYTES if guild is None
                else guild.filesize_limit)

    async def ask(self, asking: Asking, request: ImageRequest,
                  pictures: Sequence[Picture] = (),
                  continues: Continuation | None = None) -> None:
        """Queue a job, follow it, and tell the person its place.

        A continuation is judged by the work it has left, and nothing can be filled in: its
        picture is half painted. Raises BotError or EngineError, with nothing queued, where the
        request cannot be taken.
        """
        if self._closing is not None:
            raise ClosingError(_(_CLOSING))
        # One of each person at a time: none slips past a limit while another is being counted.
        async with self._turns.setdefault(asking.person, asyncio.Lock()):
            job = await self._take(asking, request, pictures, continues)
        with about_job(job.id):
            self.delivery.follow(job, answers=asking.message_id)
            if asking.tell is None:
                return
            event = job.latest
            place = (place_in_queue(event.position, event.eta) if isinstance(event, Queued)
                     else _("Queued"))
            try:
                await asking.tell(f"{place}.")
            except (discord.HTTPException, aiohttp.ClientError, TimeoutError) as error:
                # The job is taken; its own message tells the rest.
                describe(error, "the acknowledgement")

    async def asked(self, person: str) -> None:
        """Wait until what the person asks for at this moment is taken or refused."""
        async with self._turns.setdefault(person, asyncio.Lock()):
            pass

    async def _take(self, asking: Asking, request: ImageRequest, pictures: Sequence[Picture],
                    continues: Continuation | None) -> Job:
        work = request if continues is None else continues.work
        for gate in self.gates:
            work = await gate(asking, work)
        request = work if continues is None else continues.request
        await check_model(request.model)
        now = sum(job.person == asking.person for job in self.queue.overview())
        check_limits(work, self.settings.limits, now)
        rules = await self.guild_settings.rules(asking.place.guild_id)
        job = await self.queue.submit(
            request, person=asking.person, place=rules.place(asking.place),
            pictures={picture.sha256: picture.data for picture in pictures},
            continues=None if continues is None else continues.job_id,
            work=None if continues is None else continues.work)
        for taken in self.taken:
            # The job is in the queue: whatever fails from here on must not lose it.
            with Caught("counting the job"):
                await taken(asking, job)
        return job

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
                await self.retention.close()
                await self.upkeep.close()
                await self.store.close()
        await super().close()

