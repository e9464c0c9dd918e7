"""The Discord client: puts the store, the queue, the delivery and the cogs together."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import aiohttp
import discord
from discord.ext import commands

from bot.delivery.delivery import Delivery
from bot.delivery.picture_check import wanted_scores
from bot.delivery.results import Results
from bot.delivery.starboard import Starboard
from bot.errors import ClosingError
from bot.guild.rules import GuildSettings
from bot.host.adoption import Adoption
from bot.host.gateway import GatewayBot
from bot.host.metrics import Metrics
from bot.host.one_process import OneProcess
from bot.host.processes import ProcessWork
from bot.host.retention import Retention
from bot.host.server_access import ServerAccess
from bot.host.settings import Settings, address_of_database, cluster_of
from bot.host.shards import ShardWork
from bot.host.upkeep import Upkeep
from bot.host.wishes import WishWork
from bot.language import _
from bot.language.translator import CatalogueTranslator
from bot.media.attachments import Attachments
from bot.moderation.log import ModerationLog
from bot.moderation.purges import PurgeWork
from bot.permissions import application_id_of
from bot.requests.busy import BusyPeople
from bot.requests.choices import Choices
from bot.requests.deletions import Deletions
from bot.requests.describing import Describer
from bot.requests.gate import Gate
from bot.requests.intake import CLOSING, Intake
from bot.requests.removal import Removal
from bot.requests.styles import OwnStyles
from bot.ui.buttons import add_buttons
from bot.ui.choices import ChoicesButton
from bot.ui.command_tree import ImageTree, sync_host_commands_if_changed, sync_if_changed
from bot.ui.edit_modal import take_edit
from bot.ui.modals import take_remix
from bot.ui.steering_buttons import STEERING_BUTTONS, take_steering
from bot.ui.variation_buttons import VARIATION_BUTTONS
from data.people import People
from data.store import Store
from engine.jobs.cluster.pool import ClusterPool
from engine.jobs.job import Job
from engine.jobs.queue import PaintQueue

log = logging.getLogger(__name__)

COGS = (
    "cogs.moderation",
    "cogs.privacy",
    "cogs.preferences",
    "cogs.help",
    "cogs.imagine",
    "cogs.blend",
    "cogs.history",
    "cogs.info",
    "cogs.lineage",
    "cogs.gallery",
    "cogs.starboard",
    "cogs.overview",
    "cogs.owner",
    "cogs.admin",
    "cogs.edit",
    "cogs.describe",
    "cogs.style",
    "cogs.surprise",
    "cogs.replies",
    "cogs.deleted_messages",
    "cogs.config",
)
# No privileged intent: text reaches the bot through commands, buttons, modals, mentions and
# direct messages.
INTENTS = discord.Intents(guilds=True, guild_messages=True, dm_messages=True, guild_reactions=True)


class ImageBot(GatewayBot):
    """The client. Nothing is opened or connected before :meth:`setup_hook`.

    With ``in_process`` it paints in this process instead of a worker's, for tests.
    """

    def __init__(self, settings: Settings, *, in_process: bool = False) -> None:
        metrics = Metrics()
        super().__init__(
            # The only message command is the owner's, and mentions need no privileged intent.
            command_prefix=commands.when_mentioned,
            help_command=None,
            intents=INTENTS,
            allowed_mentions=discord.AllowedMentions.none(),
            tree_cls=ImageTree,
            # Not for user installs, because the bot can only post in servers that it has joined.
            allowed_installs=discord.app_commands.AppInstallationType(guild=True, user=False),
            allowed_contexts=discord.app_commands.AppCommandContext(
                guild=True, dm_channel=True, private_channel=False
            ),
            # Messages are edited by id and need no cache.
            max_messages=None,
            chunk_guilds_at_startup=False,
            http_trace=metrics.trace(),
            member_cache_flags=discord.MemberCacheFlags.none(),
            shard_count=settings.shards.shards,
        )
        # The bot sends no voice, so the warning about missing voice support is useless.
        discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
        self.settings = settings
        host_server = settings.discord.host_server
        self.tree.host_server = None if host_server is None else int(host_server)
        self.metrics = metrics
        self.store: Store
        self.one_process: OneProcess
        self.replaced = False  # by another process with the same token
        self.people: People
        self.queue: PaintQueue
        self.session: aiohttp.ClientSession
        self.attachments: Attachments
        self.upkeep: Upkeep
        self.guild_settings: GuildSettings
        self.deletions: Deletions
        self.starboard: Starboard
        self.delivery: Delivery
        self.adoption: Adoption
        self.wishes: WishWork
        self.processes: ProcessWork | None = None  # only if others share the shards
        self.server_access: ServerAccess
        self.removal: Removal
        self.moderation_log: ModerationLog
        self.purges: PurgeWork
        self.busy: BusyPeople
        self.gate: Gate
        self.describer: Describer
        self.styles: OwnStyles
        self.choices: Choices
        self.intake: Intake
        self.retention: Retention
        self._in_process = in_process
        self._opening = asyncio.Lock()
        self._opened = False
        self._closing: asyncio.Task[None] | None = None

    @property
    def tree(self) -> ImageTree:
        """The commands."""
        tree = super().tree
        assert isinstance(tree, ImageTree)  # as __init__ says
        return tree

    @property
    def opened(self) -> bool:
        """Whether the store and the queue are open, and not being closed."""
        return self._opened and self._closing is None

    async def open(self) -> None:
        """Open the store and start the queue, once.

        Raises EngineError if that fails, ClosingError if the bot is being closed.
        """
        async with self._opening:
            if self._closing is not None:
                raise ClosingError(_(CLOSING))
            if self._opened:
                return
            painting = self.settings.painting
            self.store = await Store.open(
                painting.data_folder,
                database_url=address_of_database(painting),
                pictures_url=painting.pictures,
            )
            try:
                await self._claim()
            except BaseException:
                await self.store.close()
                raise
            self._create_parts()
            self._opened = True
            self.upkeep.start()
            self.retention.start()
            await self.queue.start()

    async def _claim(self) -> None:
        """Claim the bot, or this process's shards of it; raises InUseError, StoreError."""
        id = str(application_id_of(self.settings.discord.token.get_secret_value()))
        shards = self.settings.shards
        self.one_process = OneProcess(self.store.running_bots, id, self._stop_for_another)
        if not shards.own or shards.shards is None:
            await self.one_process.start()
            return
        self.shard_work = ShardWork(self.store.shards, id, shards.shards, shards.own, self)
        await self.shard_work.start()
        self.store.share(id)

    async def _stop_for_another(self) -> None:
        self.replaced = True
        await self.close()

    def _create_parts(self) -> None:
        """Create the parts, each with the parts that it needs."""
        settings, store = self.settings, self.store
        painting, preview_seconds = settings.painting, settings.delivery.preview_seconds
        store.watchers.append(self.metrics.delivered)
        self.people = store.people
        self.guild_settings = GuildSettings(store.guilds, settings)
        cluster = cluster_of(painting)
        self.queue = PaintQueue(
            store,
            preload=painting.model,
            device=painting.device if cluster is None else None,
            threads=painting.threads,
            precision=painting.precision,
            check_memory=painting.check_memory,
            cuda_graphs=painting.cuda_graphs,
            triton_kernels=painting.triton_kernels,
            batch=painting.batch,
            in_process=self._in_process,
            preview_every=min(2.0, preview_seconds / 2),
            record_frames=settings.operations.frames_mb > 0,
            supply=None if cluster is None else ClusterPool(cluster),
            shared=store.shared,
        )
        self.queue.watchers.append(self.metrics.watch)
        self.queue.concepts_of = self._concepts_of
        self.retention = Retention(
            store, settings.privacy, self.guild_settings.retention_days, self._servers, self.hears
        )
        self.upkeep = Upkeep(store, settings.operations, self.metrics)
        self.session = aiohttp.ClientSession()
        self.attachments = Attachments(self.session, settings.limits, settings.test)
        results = Results(store, self, settings.operations)
        self.moderation_log = ModerationLog(store, self.guild_settings, self)
        store.picture_checks.watchers.append(self.moderation_log.post_findings)
        self.deletions = Deletions(store, self.queue, self, self.hears)
        self.starboard = Starboard(store, self.guild_settings, self, self.deletions)
        self.delivery = Delivery(
            store,
            self.queue,
            self.guild_settings,
            self,
            results,
            preview_seconds,
            self.deletions.note,
        )
        self.server_access = ServerAccess(store, settings.limits)
        self.adoption = Adoption(store, self.queue, self.delivery)
        self.wishes = WishWork(store, self.queue)
        if store.shared is not None and self.shard_work is not None:
            self.processes = ProcessWork(store.shared, self.queue, self.shard_work, self.delivery)
        self.removal = Removal(store, self.queue, self.delivery, self)
        self.purges = PurgeWork(store, self.removal, self.guild_settings, self.moderation_log, self)
        self.busy = BusyPeople()
        self.gate = Gate(store, self.queue, settings.limits, self.busy)
        self.describer = Describer(store, self.queue, self.guild_settings, self.gate)
        self.styles = OwnStyles(store.styles)
        self.choices = Choices(self.guild_settings, self.gate)
        self.intake = Intake(self.queue, self.guild_settings, self.gate, self.delivery)

    async def _concepts_of(self, job: Job) -> list[str]:
        return wanted_scores(await self.guild_settings.rules(job.place.guild_id))

    def _servers(self) -> set[str] | None:
        """Return the ids of the servers that the bot is in; None while unknown."""
        return {str(guild.id) for guild in self.guilds} if self.is_ready() else None

    async def setup_hook(self) -> None:
        """Open, load the cogs and resume the work; called after login, before the first event."""
        await self.open()
        for cog in COGS:
            await self.load_extension(cog)
        add_buttons(self)
        self.add_dynamic_items(*VARIATION_BUTTONS, *STEERING_BUTTONS, ChoicesButton)
        await self.tree.set_translator(CatalogueTranslator())
        await sync_if_changed(self.tree, self.store)
        await self.delivery.take_up()
        await self.purges.take_up()
        self.adoption.start()
        self.wishes.start()
        if self.processes is not None:
            await self.processes.start()

    async def on_ready(self) -> None:
        """Log each new session."""
        log.info("Ready as %s; servers: %d", self.user, len(self.guilds))
        self.deletions.connected()
        await self.server_access.leave_others(self.guilds)

    async def on_shard_ready(self, shard_id: int) -> None:
        """Do the same for a shard that was taken over after the start."""
        if self.is_ready() and self.shard_work is not None:
            log.info("Shard %d is ready", shard_id)
            self.deletions.connected()
            guilds = [guild for guild in self.guilds if guild.shard_id == shard_id]
            await self.server_access.leave_others(guilds)

    async def on_guild_join(self, guild: discord.Guild) -> None:
        """Leave it if it cannot have the bot; else retry what its channels refused before."""
        if await self.server_access.leave_others([guild]):
            return
        if guild.id == self.tree.host_server:
            await sync_host_commands_if_changed(self.tree, self.store)
        await self._retry_refused(guild.id)

    async def on_guild_available(self, guild: discord.Guild) -> None:
        """Do the same after an outage of Discord."""
        await self._retry_refused(guild.id)

    async def on_guild_channel_update(
        self, before: discord.abc.GuildChannel, after: discord.abc.GuildChannel
    ) -> None:
        """Do the same, because permissions may have changed."""
        await self._retry_refused(after.guild.id)

    async def on_guild_role_update(self, before: discord.Role, after: discord.Role) -> None:
        """Do the same, because permissions may have changed."""
        await self._retry_refused(after.guild.id)

    async def _retry_refused(self, guild_id: int) -> None:
        await self.delivery.retry_refused(guild_id)
        if self.processes is not None:
            await self.processes.retry_elsewhere(guild_id)

    async def on_interaction(self, interaction: discord.Interaction[Any]) -> None:
        """Handle submitted modals from any process; discord.py handles the rest."""
        await take_remix(interaction, self)
        await take_edit(interaction, self)
        await take_steering(interaction, self)

    async def on_message(self, message: discord.Message) -> None:
        """Run the owner's message commands; cogs.replies handles all other messages."""
        context = await self.get_context(message)
        if context.valid and not message.author.bot:
            await self.invoke(context)

    async def close(self) -> None:
        """Stop taking work, tell the channels, save the queue and disconnect, within 10 s."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close(), name="closing")
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        async with self._opening:  # wait until opening has finished before closing
            if self._opened:
                self.intake.close()
                await self.deletions.close()
                await self.starboard.close()
                await self.adoption.close()
                await self.wishes.close()
                if self.processes is not None:
                    await self.processes.close()
                await self.delivery.close()
                await self.purges.close()
                await self.moderation_log.close()
                await self.queue.close()
                await self.session.close()
                await self.retention.close()
                await self.upkeep.close()
                await self.one_process.close()
                if self.shard_work is not None:
                    await self.shard_work.close()
                await self.store.close()
        await super().close()
